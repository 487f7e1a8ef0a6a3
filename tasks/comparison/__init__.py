"""How networks compare: by sums over the samples of their linear coefficients.

`moments` on training samples give `affine` maps and `sensitivity`; on test samples they give CKA, or `grams`
do where samples are fewer than columns or intervals are asked for. `distances` have sums of their own,
`compression` takes the rows themselves, and the cross-entropy in `measures` the outputs.
"""
