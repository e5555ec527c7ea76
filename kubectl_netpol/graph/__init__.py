"""Recorded traffic as a map: places that talk and listen, and what went between them. Pure; ``render`` draws it."""
