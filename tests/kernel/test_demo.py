"""``kubectl netpol demo`` as a person runs it: real packets to policies, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.world import World

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "kubectl_netpol", "demo"]


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


def run(tmp_path: Path, *flags: str) -> str:
    done = subprocess.run([*DEMO, *flags], env=environment(tmp_path), capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def policies(output: str) -> list[dict]:
    shown = output.partition("$ kubectl netpol generate")[2].partition("\n")[2]
    text = re.sub(r"^\$ .*", "---", shown.partition("\nLast, whose is ")[0], flags=re.MULTILINE)
    return list(yaml.safe_load_all(text))


def traces() -> tuple[object, ...]:
    """What a careless demo would leave on the host."""
    links = Path("/proc/net/dev").read_text().split("\n")
    names = sorted(line.partition(":")[0] for line in links)
    netns = sorted(Path("/run/netns").iterdir()) if Path("/run/netns").exists() else None
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    return names, netns, forwarding, Path("/proc/self/mounts").read_text(), Path("/run/demo").exists()


@pytest.mark.kernel(inside=False)
@pytest.mark.parametrize("attach", ["tcx", "socket"])
def test_what_is_recorded_live_gives_the_policies_of_the_shipped_recording(tmp_path: Path, attach: str):
    before = traces()
    live = run(tmp_path, "--attach", attach)
    assert "private machine is gone" in live
    assert policies(live) == policies(run(tmp_path, "--replay"))
    assert len(policies(live)) == 2
    assert traces() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kernel(inside=False)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, number: signal.Signals):
    before = traces()
    demo = subprocess.Popen(DEMO, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert demo.stdout and demo.stderr
    for line in demo.stderr:
        if line.startswith(b"recording"):
            break
    demo.send_signal(number)
    output, errors = demo.communicate(timeout=20)
    assert demo.returncode == (130 if number == signal.SIGINT else -signal.SIGTERM)
    assert b"Traceback" not in errors
    assert (b"everything that was made in it" in output) == (number == signal.SIGINT)
    assert traces() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kernel
@pytest.mark.parametrize("ipv6", [True, False])
def test_the_world_talks_as_it_says(machine: Machine, ipv6: bool):
    machine.has_ipv6 = machine.has_ipv6 and ipv6
    world = World(machine)
    world.open_pool()
    world.talk()
    world.talk()


@pytest.mark.kernel(inside=False)
@pytest.mark.parametrize("dropped", ["sys_admin", "net_admin"])
def test_without_the_right_to_build_it_the_demo_says_so_and_replays(tmp_path: Path, dropped: str):
    limit = ["setpriv", "--bounding-set", f"-{dropped}", f"--inh-caps=-{dropped}"]
    done = subprocess.run([*limit, *DEMO], env=environment(tmp_path), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    output = done.stdout.decode()
    assert "Nothing is captured here: " in output and "--privileged" in output
    assert len(policies(output)) == 2
    assert b"Traceback" not in done.stderr
