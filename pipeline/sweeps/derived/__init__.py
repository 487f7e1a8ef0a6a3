"""What is derived of stored networks: a probe, or a comparison of pairs, over a selection of a group."""
