"""A ball told from the shell around it: geometry, samples, and the shapes of the regions networks find."""
