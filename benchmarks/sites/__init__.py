"""Real schedulers, servers and runs on this machine, which tests and benchmarks use and harm."""
