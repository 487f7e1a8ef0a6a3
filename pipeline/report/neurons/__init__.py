"""What sweeps of decomposed neurons add to a page: claims of the source, losses and epochs."""
