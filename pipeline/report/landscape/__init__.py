"""The report of a sweep that counts stationary points: levels of the loss, minima, saddles."""
