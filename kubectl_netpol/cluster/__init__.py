"""Talks to an API server: the only room that imports kubernetes. Fed by ``cli`` with a context, feeds ``capture``.

Objects are plain dicts, as the API server sends them: its typed models cost half a second at start and ten times as
much on large lists, and drop the fields that they do not know.
"""
