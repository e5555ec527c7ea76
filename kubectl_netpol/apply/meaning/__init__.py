"""What the difference between two policies means. Pure.

``compare`` tells it, grant by grant (``grants``). What grants admit together is a set of peers (``peers``) at each port
(``admitted``, ``ports``): addresses, and pods by their labels (``pods``).
"""
