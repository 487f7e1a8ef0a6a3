"""How a plan is computed: dispatch, retries, interruption, and one committer."""
