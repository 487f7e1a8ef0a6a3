"""Sweeps that run by themselves: schedules, and the ledger of their runs."""
