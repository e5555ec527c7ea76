"""What policies would do to everything that was recorded: pure, and quick with a million neighbors.

``replay`` judges recordings, ``explain`` walks through one flow, ``width`` tells what policies admit beyond the
recordings. A recording does not hold all that policies may ask for (labels that change, labels of namespaces, ports'
names, pods' addresses): ``facts`` keeps apart what is known and what is not, and where an answer depends on what is
not, it is None and said so. ``World`` is what is known besides, from a cluster or from its objects.
"""
