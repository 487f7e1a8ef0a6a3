"""The commands of `relusweep`, by idea; heavy libraries are imported inside those that need them."""
