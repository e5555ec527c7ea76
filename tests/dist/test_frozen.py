"""The frozen program has all of the program in it, and no need of a Python."""

import json
import subprocess

import pytest

from kubectl_netpol.cli.catalog import VERBS
from tests.unit.cluster.server import played

from .conftest import ROOT


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_it(unpacked, verb):
    assert unpacked.run("kubectl", "netpol", verb, "--help", PATH=f"{unpacked.folder}/bin").stdout.startswith("Usage: ")


def test_it_has_the_files_that_the_program_reads(frozen):
    for name in ("bpf/neighbors.bpf.o", "demo/recording.ndjson", "demo/inventory.yaml"):
        assert (frozen.parent / "_internal/kubectl_netpol" / name).read_bytes() == (
            ROOT / "kubectl_netpol" / name
        ).read_bytes()


def test_it_talks_to_an_api_server(unpacked, tmp_path):
    def play(path, _):
        assert path == "/apis/batch/v1/jobs"
        return 200, b'{"items": []}'

    with played(play, tmp_path) as (_, headers):
        words = ("kubectl", "netpol", "sessions", "-A", "--kubeconfig", str(tmp_path / "config"))
        assert "No sessions found" in unpacked.run(*words).stderr
    assert headers[0]["Authorization"] == "Bearer s3cret"


def test_programs_that_it_starts_get_no_library_of_its_own(unpacked, tmp_path):
    """A credential plugin of a kubeconfig sees the environment as it was, and not the frozen program's libraries."""
    plugin = tmp_path / "plugin"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}
    plugin.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o755)
    with played(lambda *_: (200, b'{"items": []}'), tmp_path) as (_, headers):
        path = tmp_path / "config"
        exec_ = {"apiVersion": credential["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}
        text = path.read_text("utf-8").replace("token: s3cret", f"exec: {json.dumps(exec_)}")
        path.write_text(text, "utf-8")
        words = ("kubectl", "netpol", "sessions", "-A", "--kubeconfig", str(path))
        unpacked.run(*words, LD_LIBRARY_PATH="/usr/lib/mine")
        assert headers[0]["Authorization"] == "Bearer t"
    assert "LD_LIBRARY_PATH=/usr/lib/mine\n" in (tmp_path / "seen").read_text()


def test_it_runs_none_but_its_own_helpers(frozen):
    for words in (["-m", "http.server"], ["-c", "print(1)"], ["-m"]):
        done = subprocess.run([frozen, *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stdout == ""
