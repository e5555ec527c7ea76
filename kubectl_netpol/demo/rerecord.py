"""``python -m kubectl_netpol.demo.rerecord``: makes the recording that the package ships, on a private machine (root).

To be run when the wire's format or the demo's world changes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from ..errors import CaptureError
from .commands import PACKAGE_ROOT
from .isolation import Ending, check, run_isolated
from .machine import Machine
from .replay import INVENTORY, RECORDING
from .world import World, write_inventory

_SECONDS = 6


def record(recording: Path, inventory: Path) -> None:
    """Write what the agent says of the demo's world, and the world's objects. Raises CaptureError."""
    check()
    outcome = run_isolated(lambda: _record(recording, inventory), 60)
    if outcome.ending is not Ending.RETURNED:
        raise CaptureError(f"the world could not be recorded: {outcome.text or outcome.ending}")


def _record(recording: Path, inventory: Path) -> str:
    world = World(Machine())
    write_inventory(inventory, world.machine.has_ipv6)
    world.open_pool()
    command = [sys.executable, "-m", "kubectl_netpol.agent", "--duration", str(_SECONDS)]
    with recording.open("wb") as output:
        agent = subprocess.Popen(command, stdout=output, stdin=subprocess.DEVNULL, cwd=PACKAGE_ROOT)
        while agent.poll() is None:
            world.talk()
            time.sleep(0.5)
    if agent.returncode:
        raise CaptureError(f"the agent ended with {agent.returncode}")
    return ""


if __name__ == "__main__":
    record(RECORDING, INVENTORY)
