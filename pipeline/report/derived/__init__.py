"""What probes and comparisons found of networks, in numbers: of derived groups, and of probes in a sweep."""
