"""The commands: one file per verb, which parses, calls and prints. Nothing imports this room.

``main`` starts, ``catalog`` knows the verbs without importing them, ``streams`` owns stdout and stderr.
"""
