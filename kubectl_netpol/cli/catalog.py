"""The verbs, in the order of a first use, and the overview that ``--help`` prints; imports nothing.

A verb's module is imported only when that verb runs, and has its click command in ``command``.
"""

from __future__ import annotations

PROGRAM = "kubectl netpol"

VERBS = {
    "demo": ("demo", "See the whole product work on this machine, in a minute."),
    "record": ("record", "Record what workloads talk to, with eBPF."),
    "neighbors": ("neighbors", "Show what was recorded: who talks to whom."),
    "generate": ("generate", "Print NetworkPolicies that allow what was recorded."),
    "known-servers": ("known_servers", "Say which blocks of addresses are whose, for use in policies."),
    "cache": ("cache", "Look at the recordings on this disk, export, import or clear them."),
    "version": ("version", "Print the version."),
}
"""By verb: the module within ``cli``, and a sentence."""


def overview() -> str:
    """The help of the program itself."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {sentence}" for verb, (_, sentence) in VERBS.items())
    return _OVERVIEW.format(program=PROGRAM, verbs=verbs)


_OVERVIEW = """\
Usage: {program} COMMAND [ARGS]...

  Record what Kubernetes workloads talk to with eBPF, and write NetworkPolicies
  that allow it and nothing else.

Commands:
{verbs}

Examples:
  # See it work on this machine, without a cluster
  {program} demo

  # Record, look at it, and apply a policy
  {program} record --local --inventory objects.yaml
  {program} neighbors deploy/nginx
  {program} generate deploy/nginx | kubectl apply -f -

Use "{program} COMMAND --help" for more about a command.
"""
