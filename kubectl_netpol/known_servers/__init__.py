"""The user's KnownServers: which block an address belongs to, and whose it is.

``values`` and ``lookup`` are pure; ``tree``, ``documents``, ``canonical`` and ``writer`` read and write the
reference's YAML as text; ``edits`` changes that text so that comments and order survive; only ``store``
touches files. The policy room knows none of this: it is handed a ``Lookup``.
"""
