"""The report of a Boolean sweep: which functions networks of which sizes learn."""
