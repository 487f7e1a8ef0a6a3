"""The report of a training sweep: its axes, and what comes of networks along them; families add their own."""
