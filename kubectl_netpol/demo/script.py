"""The demo's story: builds the world, records it, shows neighbors and policies, and says in plain words what happens.

``cli.demo`` calls ``play``. Where nothing can be captured the story is told with a recording that was shipped.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import CaptureError, NetpolError
from .commands import Commands, Say
from .isolation import Ending, Outcome, obstacle, run_isolated
from .replay import replay_shipped

DURATION = 8
"""Seconds of the demo's recording."""
LONGEST = 120.0
_SCOPE = ("-n", "shop", "--local")
WEB = ("deploy/web", *_SCOPE)
API = ("deploy/api", *_SCOPE)
KNOWN_SERVER = (
    *("add", "github", "--ip-block", "142.250.1.100/24"),
    *("--name", "github-workflows", "--server", "github.com"),
)
_DIRECTORY = Path("/run/demo")  # in the private machine's own /run: in memory, and gone with it
_PAUSE = 0.7
_INTRODUCTION = """\
The world of this demo is a small shop: real network namespaces on a private machine inside the real one.

  gateway ─► web (2 pods) ─► api ─► db        api reaches db over a connection that is already open
                │             ├──► DNS, and api.github.com (142.250.1.104, played by a namespace)
                ├──► cache    └──► statsd     metrics by UDP, which never replies
                │    (by IPv6)
                └··► 10.244.0.99              a host that is gone: no answer, ever
  legacy ··► api, at a port that is closed: refused

web knows api as a Service: 10.96.0.20, port 80. The pod behind it listens on 8080, and this kernel translates
(nftables). A NetworkPolicy is about the packets that reach the pod, so 8080 is the port that a policy has to name."""
_RECORDING = """\
First, record. eBPF programs watch each pod's interface; they only count, and no packet is changed or held up.
cluster.yaml holds the shop's Kubernetes objects, as `kubectl get ... -o yaml` prints them. No cluster is needed."""
_NEIGHBORS = """\
This is what web and api talk to, pods named by their workload. What was never answered is listed and counted,
but no policy will allow it: 0/n under ANSWERED/ATTEMPTED."""
_POLICIES = """\
And these are the policies that allow what was answered, and nothing else. On a cluster, this is
`kubectl netpol generate deploy/web | kubectl apply -f -`."""
_KNOWN_SERVERS = """\
Last, whose is 142.250.1.104? Its service answers from many addresses, and tomorrow's may be another one. Say once
which block is whose, and every policy uses it, also those from recordings of long ago. (142.250.1.100/24 is how
Kubescape's documentation writes this block; Kubernetes 1.36 and later want 142.250.1.0/24, so policies have that.)"""
_WITH_KNOWN_SERVERS = """\
The same recording and the same command: api's policy had 142.250.1.104/32, and now has the block, with its name."""
_GENERATED = """\
And in Kubescape's format, whose policyRef says what stands for what."""
_REPLAYED = """\
So this is a replay: the records come from this very demo, recorded earlier on a machine that could, and shipped
with the program. They take the same way from here: attributed, kept in a cache of their own, and read again."""
_GONE = "That was all. The private machine is gone, with its namespaces, firewall rules, processes and files."
_STOPPED = "Stopped. The private machine is gone, with everything that was made in it."


def play(say: Say, attach: str = "auto", only_replay: bool = False) -> None:
    """Tell the story on a private machine, or by replay where none can be made; ``attach`` is as in ``record``.

    Raises NetpolError when neither works, KeyboardInterrupt on Ctrl-C, when everything has been removed.
    """
    reason = "you asked for a replay" if only_replay else obstacle() or _play_live(say, attach)
    if not reason:
        tell(say, _GONE)
        return
    tell(say, f"Nothing is captured here: {reason}.")
    tell(say, _REPLAYED)
    tell(say, _INTRODUCTION)
    replay_shipped(say, lambda commands: show_results(commands, say))


def tell(say: Say, text: str) -> None:
    """A paragraph, after an empty line."""
    say("")
    for line in text.splitlines():
        say(line)


def show_results(commands: Commands, say: Say) -> None:
    """The second half: neighbors and policies from the cache, before and after an address has become known."""
    tell(say, _NEIGHBORS)
    commands.run("neighbors", "deploy/web", *API)
    tell(say, _POLICIES)
    commands.run("generate", *WEB)
    commands.run("generate", *API)
    tell(say, _KNOWN_SERVERS)
    commands.run("known-servers", *KNOWN_SERVER)
    tell(say, _WITH_KNOWN_SERVERS)
    commands.run("generate", *API)
    tell(say, _GENERATED)
    commands.run("generate", *API, "--kind", "GeneratedNetworkPolicy")


def _play_live(say: Say, attach: str) -> str:
    # Why it did not work, empty if it did.
    try:
        outcome = run_isolated(lambda: _inside(say, attach), LONGEST)
    except KeyboardInterrupt:
        tell(say, _STOPPED)
        raise
    if outcome.ending is Ending.RETURNED:
        return outcome.text
    raise _failure(outcome) from RuntimeError(outcome.text)  # the traceback from inside, for --debug


def _failure(outcome: Outcome) -> NetpolError:
    last = (outcome.text.strip().splitlines() or [outcome.ending.value])[-1]
    return CaptureError(
        f"the demo went wrong on its private machine: {last}", "see a replay: kubectl netpol demo --replay"
    )


def _inside(say: Say, attach: str) -> str:
    # Runs on the private machine. What the system cannot do is returned, for a replay instead.
    from .machine import Machine, told_refusals  # noqa: PLC0415  # pyroute2, which a replay does without
    from .world import World, write_inventory  # noqa: PLC0415

    _DIRECTORY.mkdir()
    commands = Commands(_DIRECTORY, say)
    try:
        with told_refusals():
            machine = Machine()
            world = World(machine)
        write_inventory(_DIRECTORY / "cluster.yaml", machine.has_ipv6)
        tell(say, _INTRODUCTION)
        world.open_pool()
        tell(say, _RECORDING)
        _record(commands, world.talk, attach)
    except NetpolError as error:
        return f"{error.message} ({error.hint})" if error.hint else error.message
    show_results(commands, say)
    return ""


def _record(commands: Commands, talk: Callable[[], None], attach: str) -> None:
    extra = [] if attach == "auto" else ["--attach", attach]
    arguments = ("record", "--local", "--inventory", "cluster.yaml", "--duration", f"{DURATION}s", *extra)
    recording = commands.start(*arguments)
    deadline = time.monotonic() + DURATION + 30
    while recording.poll() is None and time.monotonic() < deadline:
        talk()
        _pause(recording)
    if recording.poll() is None:
        recording.kill()
        raise CaptureError("the recording did not end in time")
    if recording.returncode:
        raise CaptureError("the recording has failed, as told above")


def _pause(recording: subprocess.Popen[bytes]) -> None:
    try:
        recording.wait(_PAUSE)
    except subprocess.TimeoutExpired:
        return
