"""The linear maps inside networks: gradients and offsets of every output at every sample."""
