"""What lies beside the code and has to agree with it: the built object, the manifest, the changelog."""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from kubectl_netpol import __version__

ROOT = Path(__file__).parents[2]
OBJECT = "kubectl_netpol/bpf/neighbors.bpf.o"


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the object is built from, in a folder of another name."""
    for program in ("clang", "llvm-strip", "make"):
        if not shutil.which(program):
            why = f"{program} is not installed"
            pytest.skip(why)
    for name in (".ci", "kubectl_netpol/bpf"):
        shutil.copytree(ROOT / name, tmp_path / "elsewhere" / name)
    shutil.copy(ROOT / "Makefile", tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def check_object(checkout):
    return subprocess.run(["make", "-s", "bpf-check"], cwd=checkout, capture_output=True, text=True, check=False)


def test_the_built_object_is_what_its_source_gives_wherever_it_is_built(checkout):
    result = check_object(checkout)
    assert result.returncode == 0, result.stderr


def test_an_object_of_another_source_is_told(checkout):
    source = checkout / "kubectl_netpol/bpf/neighbors.bpf.c"
    source.write_text(source.read_text("utf-8").replace("int tcx_egress(", "int tcx_sideways("), "utf-8")
    result = check_object(checkout)
    assert result.returncode != 0
    assert "run make bpf" in result.stderr


def test_the_built_object_names_no_folder_of_the_machine_that_built_it():
    strings = re.findall(rb"[\x20-\x7e]{4,}", (ROOT / OBJECT).read_bytes())
    assert not [text for text in strings if text.startswith(b"/")]


def test_the_krew_manifest_has_what_krew_asks_for():
    manifest = yaml.safe_load((ROOT / "krew-manifest.yaml").read_text("utf-8"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("krew.googlecontainertools.github.com/v1alpha2", "Plugin")
    assert manifest["metadata"] == {"name": "netpol"}
    spec = manifest["spec"]
    assert set(spec) == {"version", "homepage", "shortDescription", "description", "caveats", "platforms"}
    assert spec["version"] == f"v{__version__}"
    assert 0 < len(spec["shortDescription"]) <= 50
    assert "\n" not in spec["shortDescription"]
    places = []
    for platform in spec["platforms"]:
        assert set(platform) == {"selector", "uri", "sha256", "bin"}
        assert re.fullmatch("[0-9a-f]{64}", platform["sha256"])
        labels = platform["selector"]["matchLabels"]
        places.append((labels["os"], labels["arch"]))
        assert platform["uri"].startswith(f"{spec['homepage']}/releases/download/v{__version__}/")
        assert platform["uri"].endswith("-{os}-{arch}.tar.gz".format(**labels))
    assert sorted(places) == [(system, arch) for system in ("darwin", "linux") for arch in ("amd64", "arm64")]


def test_the_changelog_begins_with_what_is_not_released():
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0] == "## Unreleased"
    assert all(first != second for first, second in pairwise(headings))
