"""The report of a sweep over networks of images: how good they are, their linear maps, how alike."""
