"""What sweeps of decomposed neurons add to a page: each kind against usual neurons, and the source's claims."""
