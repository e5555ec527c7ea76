"""The installed program, found by the real kubectl on its PATH, from a folder where no source lies."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent
COMMANDS = [
    "demo",
    "record",
    "sessions",
    "collect",
    "stop",
    "doctor",
    "neighbors",
    "graph",
    "generate",
    "check",
    "diff",
    "confirm",
    "rollback",
    "known-servers",
    "known-servers add",
    "known-servers list",
    "known-servers remove",
    "known-servers import",
    "known-servers refresh",
    "known-servers export",
    "known-servers explain",
    "import",
    "cache",
    "cache info",
    "cache clear",
    "cache export",
    "cache import",
    "completion",
    "completion install",
    "completion uninstall",
    "completion bash",
    "completion zsh",
    "completion fish",
    "version",
]


@pytest.fixture
def kubectl(tmp_path):
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    for program, remedy in (("kubectl", "install it"), ("kubectl-netpol", f"{sys.executable} -m pip install .")):
        if not shutil.which(program, path=path):
            why = f"{program} is not on the PATH: {remedy}"
            pytest.skip(why)

    def run(*arguments, **options):
        environment = {"PATH": path, "HOME": str(tmp_path)}
        command = ["kubectl", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, **options
        )

    return run


def test_kubectl_finds_the_plugin(kubectl):
    assert "kubectl-netpol" in kubectl("plugin", "list").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(kubectl, command):
    result = kubectl("netpol", *command.split(), "--help")
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith(f"Usage: kubectl netpol {command} ")
    examples = result.stdout.partition("Examples:")[2]
    assert any(line.strip().startswith(f"kubectl netpol {command}") for line in examples.splitlines())


def test_the_list_above_is_all_there_is(kubectl):
    def below(*path):
        lines = kubectl("netpol", *path, "--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]

    verbs = below()
    groups = [f"{verb} {name}" for verb in verbs for name in below(verb)]
    assert sorted(verbs + groups) == sorted(COMMANDS)


def test_kubectl_passes_arguments_exit_codes_and_streams_on(kubectl):
    result = kubectl("netpol", "generate", "deploy/nginx", "-n", "shop")
    assert result.returncode == 1
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()[:2]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")


def test_what_is_installed_has_its_recording_and_its_program(kubectl):
    result = kubectl("netpol", "demo", "--replay")
    assert result.returncode == 0
    assert "kind: NetworkPolicy" in result.stdout
    code = "import kubectl_netpol, importlib.resources as r; print(r.files(kubectl_netpol) / 'bpf/neighbors.bpf.o')"
    shown = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert Path(shown.strip()).read_bytes().startswith(b"\x7fELF")


def test_kubectl_takes_policies_as_they_are_printed(kubectl):
    shown = kubectl("netpol", "demo", "--replay").stdout
    documents = "apiVersion: networking" + shown.partition("apiVersion: networking")[2].partition("\n\n")[0]
    names = [f"networkpolicy.networking.k8s.io/{one['metadata']['name']}" for one in yaml.safe_load_all(documents)]
    # A dry run without a cluster: kubectl reads, splits and prints the documents, and asks no server.
    taken = kubectl("label", "--local", "-f", "-", "seen=yes", "-o", "name", input=documents)
    assert taken.stdout.split() == names
