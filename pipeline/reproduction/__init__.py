"""What a source reports, run sweep by sweep and set beside ours on a page; each source is a file of data."""
