"""The user's own recordings on disk: the only room that imports ``diskcache``.

``capture`` merges recordings into a ``store.Store``, ``cli`` reads them. One value per workload, each a JSON text
(``codec``); nothing is ever unpickled (``disk``, ``gate``) and nothing evicted, emptied or recreated by itself.
"""
