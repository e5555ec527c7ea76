"""The archive that krew takes, the manifest that is filled, and the workflows that build them and try everything."""

import os
import re
import shlex
import tarfile
from pathlib import Path

import pytest
import yaml

from kubectl_netpol import __version__
from kubectl_netpol.cli.catalog import VERBS
from release.archive import check_names, files_below, pack, sum_of
from release.build import this_platform, write_manifest
from release.manifest import PLATFORMS, TEMPLATE, archive_name, fill
from tests.cluster import layout

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "program"
    (root / "below").mkdir(parents=True)
    (root / "program").write_text("#!/bin/sh\n")
    (root / "program").chmod(0o700)
    (root / "below/data").write_bytes(bytes(range(256)) * 100)
    (root / "link").symlink_to("below/data")
    (root / "folder").symlink_to("below")
    return root


def test_the_archive_has_regular_files_only_and_nothing_of_who_made_it(folder, tmp_path):
    pack(tmp_path / "a.tar.gz", files_below(folder))
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == ["below/data", "folder/data", "link", "program"]
        assert all(member.isreg() for member in members)
        assert tar.extractfile("link").read() == (folder / "below/data").read_bytes()
    assert [member.mode for member in members] == [0o644, 0o644, 0o644, 0o755]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}


def test_the_same_files_give_the_same_bytes(folder, tmp_path):
    files = files_below(folder)
    pack(tmp_path / "a.tar.gz", files)
    (folder / "program").touch()
    pack(tmp_path / "b.tar.gz", dict(reversed(files.items())))
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../b", "a..b", "\\x", "", "a//b", "./a", "a/"])
def test_names_that_krew_refuses_are_never_packed(name, folder, tmp_path):
    with pytest.raises(ValueError, match="krew refuses"):
        check_names([name])
    with pytest.raises(ValueError, match="krew refuses"):
        pack(tmp_path / "a.tar.gz", {name: folder / "program"})
    assert not (tmp_path / "a.tar.gz").exists()


def test_the_filled_manifest_has_the_platforms_that_are_there():
    sums = {("linux", "arm64"): "a" * 64, ("darwin", "amd64"): "b" * 64}
    template = TEMPLATE.read_text("utf-8")
    filled, before = yaml.safe_load(fill(template, "1.2.3", sums)), yaml.safe_load(template)
    found = filled["spec"].pop("platforms")
    del before["spec"]["platforms"]
    before["spec"]["version"] = "v1.2.3"
    assert filled == before
    assert [(one["selector"]["matchLabels"]["os"], one["sha256"]) for one in found] == [
        ("linux", "a" * 64),
        ("darwin", "b" * 64),
    ]
    for one in found:
        labels = one["selector"]["matchLabels"]
        assert one["uri"].endswith(f"/download/v1.2.3/{archive_name('1.2.3', labels['os'], labels['arch'])}")


def test_a_release_needs_the_archives_of_all_platforms(tmp_path):
    with pytest.raises(ValueError, match="not in"):
        write_manifest(tmp_path)
    for platform in PLATFORMS[:3]:
        (tmp_path / archive_name(__version__, *platform)).write_bytes(b"x")
    with pytest.raises(ValueError, match="darwin-arm64"):
        write_manifest(tmp_path, complete=True)
    (tmp_path / archive_name(__version__, *PLATFORMS[3])).write_bytes(b"x")
    manifest = yaml.safe_load(write_manifest(tmp_path, complete=True).read_text("utf-8"))
    assert len(manifest["spec"]["platforms"]) == 4
    assert {one["sha256"] for one in manifest["spec"]["platforms"]} == {
        sum_of(tmp_path / archive_name(__version__, *PLATFORMS[0]))
    }


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", ("linux", "amd64")),
        ("Linux", "aarch64", ("linux", "arm64")),
        ("Darwin", "arm64", ("darwin", "arm64")),
        ("Darwin", "x86_64", ("darwin", "amd64")),
    ],
)
def test_platforms_have_krews_names(monkeypatch, system, machine, expected):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert this_platform() == expected


def test_a_platform_without_an_archive_is_told(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ValueError, match="riscv64"):
        this_platform()


def test_the_manifests_caveats_name_commands_that_there_are():
    caveats = yaml.safe_load(TEMPLATE.read_text("utf-8"))["spec"]["caveats"]
    shown = re.findall(r"kubectl netpol (\S+)", caveats)
    assert shown
    assert set(shown) <= set(VERBS)


WORKFLOWS = ROOT / ".github/workflows"


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_every_step_of_a_workflow_is_a_command_or_a_pinned_action_of_githubs_own(name):
    workflow = yaml.safe_load((WORKFLOWS / name).read_text("utf-8"))
    assert workflow["name"] == name.removesuffix(".yml")
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert set(step) <= {"name", "uses", "run", "with", "env"}
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))


def test_every_workflow_is_looked_at():
    assert {path.name for path in WORKFLOWS.iterdir()} == {"ci.yml", "release.yml"}


def test_all_that_ci_does_is_done_as_root_on_each_push_to_main_and_each_pull_request():
    workflow = yaml.safe_load((WORKFLOWS / "ci.yml").read_text("utf-8"))
    assert workflow[True] == {"push": {"branches": ["main"]}, "pull_request": None}  # YAML 1.1 takes "on" for true
    (job,) = workflow["jobs"].values()
    assert (job["runs-on"], job["timeout-minutes"]) == ("ubuntu-24.04", 120)
    (run,) = [shlex.split(step["run"]) for step in job["steps"] if "run" in step]
    assert (run[0], run[-1]) == ("sudo", ".ci/run")
    assert os.access(ROOT / run[-1], os.X_OK)
    calls = re.findall(r"(?m)^make ([a-z-]+)$", (ROOT / run[-1]).read_text("utf-8"))
    assert {"lint", "test"} <= set(calls) <= made()


def test_ci_keeps_what_is_built_and_neither_keys_nor_stores():
    workflow = yaml.safe_load((WORKFLOWS / "ci.yml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    caches = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")]
    kept = {path for cache in caches for path in cache["path"].split()}
    built = {layout.BINARIES, layout.CNI_PLUGINS, layout.PACKAGES, layout.IMAGES, layout.CALICO_TYPES, layout.CILIUM}
    cluster = {f"~/.cache/kubectl-netpol-cluster/{path.relative_to(layout.CACHE)}" for path in built}
    assert kept == cluster | {"~/.cache/go-build", "~/go/pkg/mod"}
    for cache in caches:
        (patterns,) = re.findall(r"hashFiles\((.*)\)", cache["key"])
        assert all(list(ROOT.glob(pattern.strip(" '"))) for pattern in patterns.split(","))


def made() -> set[str]:
    """What can be made, by the Makefile."""
    targets = re.findall(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"))
    return {target for line in targets for target in line.split()}


def test_the_release_workflow_builds_every_platform_the_image_and_the_wheel():
    workflow = yaml.safe_load((WORKFLOWS / "release.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    assert set(jobs) == {"linux", "darwin", "image", "release"}
    assert jobs["release"]["needs"] == ["linux", "darwin", "image"]
    runners = [name for job in ("linux", "darwin") for name in jobs[job]["strategy"]["matrix"]["runner"]]
    assert len(runners) == len(PLATFORMS)
    steps = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    called = {word for run in steps for line in re.findall(r"\bmake ([a-z -]+)", run) for word in line.split()}
    assert {"dist", "image", "wheel", "dist-manifest"} <= called & made()
