"""kubectl-netpol: record what workloads talk to with eBPF, and write NetworkPolicies that can be trusted."""

__version__ = "0.1.0"
