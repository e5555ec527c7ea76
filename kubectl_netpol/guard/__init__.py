"""Runs in the cluster, as ``python -m kubectl_netpol.guard``: puts earlier policies back at a deadline.

It is started before a confirmed apply and ends when that is confirmed, which deletes its Job. Standard library only;
``plan`` is what it holds, ``restore`` the way back, which the laptop takes as well.
"""
