"""A private machine: code that runs in mount, network, PID, IPC and UTS namespaces of its own, with no way out.

Nothing made in there needs cleaning: processes, interfaces, firewall rules, mounts and /run end with it, whatever ends
it, because the kernel takes them away together with the first process of the PID namespace. ``demo`` and the kernel
tests run in one.

    launcher ── fork ──► gate (new namespaces) ── fork ──► init (PID 1) ── fork ──► worker (the body)

The launcher is the caller. Each dies with its parent (PR_SET_PDEATHSIG), so killing the launcher, by any signal, ends
them all. The network namespace starts with a loopback interface only and is never joined to the host's.
"""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import NoReturn

from ..errors import CaptureError, NetpolError
from . import namespaces

GRACE = 5.0
"""Seconds that the body gets after Ctrl-C before everything is killed."""
_FORWARDED = (signal.SIGINT, signal.SIGTERM)
_PLUG = signal.SIGQUIT  # from the launcher to the gate: kill the machine at once, and wait until it is gone
_NAMESPACES = (
    namespaces.CLONE_NEWNS
    | namespaces.CLONE_NEWNET
    | namespaces.CLONE_NEWPID
    | namespaces.CLONE_NEWIPC
    | namespaces.CLONE_NEWUTS
)
Body = Callable[[], str]


class Ending(StrEnum):
    RETURNED = "returned"  # text is what the body returned
    FAILED = "failed"  # the body raised; text is the traceback
    REFUSED = "refused"  # the machine could not be made; text is the reason
    KILLED = "killed"  # it ended without a word
    LATE = "late"  # it was not done in time and was killed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the body ended, and the text that it or its failure left."""

    ending: Ending
    text: str = ""


def run_isolated(body: Body, timeout: float) -> Outcome:
    """Run ``body`` in a private machine and wait for it, at most ``timeout`` seconds; afterwards nothing of it is left.

    It is forked: it sees the caller's memory as it is now, and changes nothing in it. Its standard input is empty.
    To be called from a thread that outlives the machine. KeyboardInterrupt passes once the machine is gone.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    launcher = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*_FORWARDED, _PLUG))
    gate = os.fork()
    if gate == 0:
        os.close(reading)
        _gate(body, launcher, writing, timeout)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writing)
    try:
        return _await_machine(gate, reading, timeout)
    finally:
        os.close(reading)


def obstacle() -> str:
    """Why this process can make no private machine, as a sentence with its remedy; empty if it can."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    if os.geteuid() != 0:
        return "making network namespaces needs root: run it with sudo"
    outcome = run_isolated(lambda: "", GRACE)
    if outcome.ending is Ending.RETURNED:
        return ""
    reason = outcome.text.strip() or outcome.ending
    return f"this system refuses private namespaces ({reason}); in a container, give it --privileged"


def check() -> None:
    """Raise CaptureError unless a private machine can be made here."""
    reason = obstacle()
    if reason:
        raise CaptureError(f"no private machine can be made here: {reason}")


# --- launcher -----------------------------------------------------------------------------------------------------


def _await_machine(gate: int, reading: int, timeout: float) -> Outcome:
    try:
        report = _read_report(reading, timeout)
    except BaseException:  # above all KeyboardInterrupt: whatever comes, the machine goes first
        os.kill(gate, signal.SIGINT)
        try:
            _read_report(reading, GRACE)
        finally:
            _end(gate)
        raise
    _end(gate)
    if report is None:
        return Outcome(Ending.LATE, f"not done after {timeout:g} seconds")
    return _parse(report)


def _read_report(reading: int, timeout: float) -> bytes | None:
    # The end of the report is the end of every process that holds the pipe: worker, init and gate.
    deadline = time.monotonic() + timeout
    parts: list[bytes] = []
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None


def _end(gate: int) -> None:
    os.kill(gate, _PLUG)  # a gate that is done already is a zombie, and takes no notice
    os.waitpid(gate, 0)


def _parse(report: bytes) -> Outcome:
    if not report:
        return Outcome(Ending.KILLED)
    ending, text = json.loads(report)
    return Outcome(Ending(ending), text)


# --- gate: in the old PID namespace, made the new ones -------------------------------------------------------------


def _gate(body: Body, launcher: int, report: int, timeout: float) -> NoReturn:
    try:
        namespaces.die_with_parent(signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)
        os.setsid()  # the terminal's Ctrl-C reaches the launcher only, which passes it on once
        namespaces.unshare(_NAMESPACES)
        alive, held = os.pipe()
        first = os.fork()
        if first == 0:
            os.close(held)
            _init(body, alive, report, timeout)
    except OSError as error:
        _leave(report, Ending.REFUSED, error.strerror or str(error))
    except BaseException:  # noqa: BLE001 - the edge of a process
        _leave(report, Ending.FAILED, traceback.format_exc())
    os.close(report)
    _forward_to(first)
    signal.signal(_PLUG, lambda _number, _frame: _signal(first, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_FORWARDED, _PLUG))
    os._exit(_exit_code(os.waitpid(first, 0)[1]))


def _forward_to(process: int) -> None:
    def forward(number: int, _frame: FrameType | None) -> None:
        _signal(process, number)

    for number in _FORWARDED:
        signal.signal(number, forward)


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _leave(report: int, ending: Ending, text: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    with open(report, "w", encoding="utf-8", errors="backslashreplace") as stream:
        json.dump([ending.value, text], stream)
    os._exit(0 if ending is Ending.RETURNED else 1)


# --- init: PID 1 of the new namespace ------------------------------------------------------------------------------


def _init(body: Body, alive: int, report: int, timeout: float) -> NoReturn:
    try:
        namespaces.die_with_parent(signal.SIGKILL)
        if select.select([alive], [], [], 0)[0]:  # the gate was gone before the line above
            os._exit(1)
        _furnish()
        worker = os.fork()
        if worker == 0:
            _work(body, report, timeout)
    except OSError as error:
        _leave(report, Ending.REFUSED, error.strerror or str(error))
    except BaseException:  # noqa: BLE001 - the edge of a process
        _leave(report, Ending.FAILED, traceback.format_exc())
    os.close(report)
    _forward_to(worker)
    signal.signal(_PLUG, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_FORWARDED, _PLUG))
    os._exit(_reap_until(worker))


def _furnish() -> None:
    # What the machine mounts stays in it; its /proc shows its own processes, its /run (so /run/netns) is empty.
    namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    hardened = namespaces.MS_NOSUID | namespaces.MS_NODEV | namespaces.MS_NOEXEC
    namespaces.mount("proc", "/proc", "proc", hardened)
    namespaces.mount("tmpfs", "/run", "tmpfs", namespaces.MS_NOSUID | namespaces.MS_NODEV, "mode=0755")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)


def _reap_until(worker: int) -> int:
    # PID 1 inherits every orphan. When it leaves, the kernel kills whoever is left.
    while True:
        process, status = os.wait()
        if process == worker:
            return _exit_code(status)


# --- worker: runs the body -----------------------------------------------------------------------------------------


def _work(body: Body, report: int, timeout: float) -> NoReturn:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, _PLUG):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_FORWARDED, _PLUG))
    faulthandler.dump_traceback_later(max(0.1, timeout - 0.5), exit=False, file=sys.__stderr__ or 2)
    try:
        text = body()
    except NetpolError as error:
        _leave(report, Ending.FAILED, f"{error.message}\n{error.hint}".strip())
    except BaseException:  # noqa: BLE001 - the edge of a process
        _leave(report, Ending.FAILED, traceback.format_exc())
    faulthandler.cancel_dump_traceback_later()
    _leave(report, Ending.RETURNED, text)
