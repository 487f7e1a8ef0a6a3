"""The report of a sweep over named functions: how success goes with size, measures and number of inputs."""
