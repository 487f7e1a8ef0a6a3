"""The report of constructed networks: how their parameters grow, and their errors fall."""
