"""Training of peaks and scales of composed triangles, before all weights of their networks are trained."""
