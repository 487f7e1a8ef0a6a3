"""What is to be computed: blocks, what they cost, how they are split, what they need."""
