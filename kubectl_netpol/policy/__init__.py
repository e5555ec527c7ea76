"""NetworkPolicies from NetworkNeighbors: pure functions on frozen values. ``cli`` calls ``generate``."""
