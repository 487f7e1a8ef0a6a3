"""The report of a sweep: one self-contained page and its pictures, or a few tables for the terminal."""
