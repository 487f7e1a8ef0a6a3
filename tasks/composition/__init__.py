"""Networks whose layers compose triangles: their waves, how a ReLU network computes them, and their training.

Milkert, Hyde and Laine, *Compelling ReLU Network Initialization and Training to Leverage Exponential Scaling
with Depth* (arXiv 2311.18022).
"""
