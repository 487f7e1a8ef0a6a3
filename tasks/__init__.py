"""How one unit is computed: arrays in, arrays out."""
