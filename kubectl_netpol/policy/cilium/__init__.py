"""CiliumNetworkPolicies (cilium.io/v2) from policies: pure. ``kinds`` calls ``convert``."""
