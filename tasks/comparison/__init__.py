"""How networks compare: by sums over the samples of their linear coefficients."""
