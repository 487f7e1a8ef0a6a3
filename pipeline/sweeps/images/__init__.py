"""Networks of images: plain stages of one sweep, all built from one specification."""
