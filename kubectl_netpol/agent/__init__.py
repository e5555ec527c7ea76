"""Runs on a node, as ``python -m kubectl_netpol.agent``: loads the eBPF program, enters namespaces, prints records.

It needs libbpf, pyroute2 and dnspython, calls no API, writes to no disk and never changes a packet. Imports nothing
of the laptop's side but ``wire``, ``model`` and ``errors``.
"""
