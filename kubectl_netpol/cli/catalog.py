"""The verbs, in the order of a first use, and the overview that ``--help`` prints; imports nothing.

A verb's module is imported only when that verb runs, and has its click command in ``command``.
"""

from __future__ import annotations

PROGRAM = "kubectl netpol"
EXECUTABLE = "kubectl-netpol"
COMPLETER = "kubectl_complete-netpol"
"""The program's other name, by which kubectl asks it to complete a command line."""

COMPLETE = "__complete"
"""The first word of a command line that is to be completed, for whoever completes ``kubectl-netpol`` itself."""

VERBS = {
    "demo": ("demo", "See the whole product work on this machine, in half a minute."),
    "record": ("record", "Record what workloads talk to, with eBPF."),
    "sessions": ("sessions", "List the recordings that run in the cluster, or wait there."),
    "collect": ("collect", "Take in what a session has recorded so far."),
    "stop": ("stop", "Take in what a session has recorded, and end it."),
    "doctor": ("doctor", "Check whether this cluster can be recorded, and explain what hinders."),
    "neighbors": ("neighbors", "Show what was recorded: who talks to whom."),
    "graph": ("graph", "Draw what was recorded as a map."),
    "generate": ("generate", "Print NetworkPolicies that allow what was recorded."),
    "check": ("check", "Tell which recorded flows policies would deny."),
    "diff": ("diff", "Compare the policies in the cluster with those that would be generated."),
    "confirm": ("confirm", "Keep what was applied with --rollback-after."),
    "rollback": ("rollback", "Put back at once what was there before an apply with --rollback-after."),
    "known-servers": ("known_servers", "Say which blocks of addresses are whose, for use in policies."),
    "import": ("import_", "Take in what others recorded: flows of Hubble or NetObserv, or packets."),
    "cache": ("cache", "Look at the recordings on this disk, export, import or clear them."),
    "completion": ("completion", "Let the shell complete these commands."),
    "version": ("version", "Print the version."),
}
"""By verb: the module within ``cli``, and a sentence."""

ANSWERING = frozenset({"check", "diff"})
"""Verbs that answer with their exit code, 0 or 1: an error of theirs is 2, as of ``kubectl diff``."""


def asked_words(arguments: list[str]) -> list[str] | None:
    """The words to complete, of a process's arguments; None for a process that was started for something else."""
    if arguments[0].rpartition("/")[2] == COMPLETER:
        return arguments[1:]
    return arguments[2:] if arguments[1:2] == [COMPLETE] else None


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
  {program} record deploy/nginx --duration 5m
  {program} neighbors deploy/nginx
  {program} generate deploy/nginx | kubectl apply -f -

Use "{program} COMMAND --help" for more about a command.
"""
