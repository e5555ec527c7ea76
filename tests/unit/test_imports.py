"""What a process has loaded, seen from inside: the agent stays small, nothing waits for other rooms' libraries."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import kubectl_netpol.agent
from kubectl_netpol.cli.catalog import VERBS

ROOT = Path(__file__).parents[2]
LAPTOP = {"click", "kubernetes", "diskcache", "tabulate", "yaml"}
ROOMS = {f"kubectl_netpol.{room}" for room in ("cli", "cache", "capture", "neighbors", "policy", "render", "demo")}
AGENT = sorted(f"kubectl_netpol.agent.{module.name}" for module in pkgutil.iter_modules(kubectl_netpol.agent.__path__))


def loaded_by(code, tmp_path):
    script = f"import json, sys\n{code}\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(result.stderr.splitlines()[-1]))


def test_no_module_of_the_agent_loads_the_laptops_side(tmp_path):
    loaded = loaded_by("\n".join(f"import {module}" for module in AGENT), tmp_path)
    assert {"kubectl_netpol.wire", "kubectl_netpol.agent.loop", "pyroute2", "dns"} <= loaded
    assert not loaded & (LAPTOP | ROOMS)


def test_only_the_agents_worker_loads_pyroute2(tmp_path):
    alone = [module for module in AGENT if module != "kubectl_netpol.agent.sockets"]
    assert "pyroute2" not in loaded_by("\n".join(f"import {module}" for module in alone), tmp_path)


@pytest.mark.parametrize("arguments", [[], ["--help"], *([verb, "--help"] for verb in VERBS), ["generate", "--all"]])
def test_neither_help_nor_generate_loads_a_cluster_client(tmp_path, arguments):
    code = f"""
sys.argv[1:] = {arguments!r}
from kubectl_netpol.cli.main import main
try:
    main()
except SystemExit:
    pass
sys.stderr.write("\\n")"""
    loaded = loaded_by(code, tmp_path)
    assert "kubectl_netpol.cli.main" in loaded
    assert not loaded & {"kubernetes", "pyroute2", "dns", "kubectl_netpol.agent"}
