"""What the probes `regions`, `compression` and `snapshots` add to the page of networks of two inputs."""
