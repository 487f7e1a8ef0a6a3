"""Networks of images in the plane through three images: where they are linear, and what they say there."""
