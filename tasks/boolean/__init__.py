"""Boolean functions: truth tables, equivalence classes, measures and constructions."""
