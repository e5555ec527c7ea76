"""Policies and a cluster: what an apply would change, the apply itself, and the way back. Fed by ``cli``.

``meaning`` and ``words`` compare two policies, ``owned`` says what of a policy is ours, ``applied`` reads the
cluster's, ``server`` applies. A confirmed apply has a guard in the cluster (``guard_objects``, ``guard_start``,
``guards``; its program is the room ``guard``), a way back from here (``way_back``; ``rescue`` where no guard holds what
was there) and, while somebody looks, a watch on the flows (``watch``, and ``moved`` for DNS names).
"""
