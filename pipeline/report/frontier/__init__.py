"""Which shapes of networks solve which Boolean functions: of sweeps that end at the first success."""
