"""The report of a sweep of balls and shells: what closes around the ball, and how often."""
