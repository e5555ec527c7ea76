"""What the agent has loaded once it has captured something."""

import subprocess
import sys

import pytest


@pytest.mark.kernel
@pytest.mark.parametrize("attach", ["tcx", "socket"])
def test_a_working_agent_loads_nothing_of_the_laptops_side(machine, attach):
    machine.add_pod("pod", ["10.244.0.5"])
    command = [sys.executable, "-X", "importtime", "-m", "kubectl_netpol.agent", "--duration", "1", "--attach", attach]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line}
    assert result.returncode == 0, result.stderr
    assert '"final":true' in result.stdout
    assert "kubectl_netpol.agent.loop" in loaded
    libraries = {module.partition(".")[0] for module in loaded}
    assert not libraries & {"click", "kubernetes", "diskcache", "tabulate", "yaml", "pyroute2"}
