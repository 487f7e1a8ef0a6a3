"""Sweeps that run by themselves: schedules, the ledger of their nights, one night from claim to exit code."""
