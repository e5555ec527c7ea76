"""The archives of `make image`: what runtimes find in them, and that the same inputs give the same bytes."""

import io
import json
import re
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from image.build import ENTRYPOINT, ENVIRONMENT, LABELS, build_archive, configuration
from image.layers import read_list
from image.project import HOME, project_files
from kubectl_netpol.capture.image import IMAGE
from tests.archives import read_archive

ROOT = Path(__file__).parents[2]
PLATFORMS = ["linux/amd64", "linux/arm64"]
ELF_MACHINES = {"linux/amd64": 62, "linux/arm64": 183}


def members(layer):
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return tar.getmembers()


def content(layer, path):
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return tar.extractfile(path).read()


def test_the_index_has_both_platforms_under_the_programs_own_name(archive):
    assert sorted(archive.platforms()) == PLATFORMS
    names = archive.top()["annotations"]
    assert names == {"io.containerd.image.name": IMAGE, "org.opencontainers.image.ref.name": IMAGE}
    assert archive.json("oci-layout") == {"imageLayoutVersion": "1.0.0"}


def test_every_blob_is_asked_for(archive):
    archive.platforms()
    assert archive.asked == {name for name in archive.files if name.startswith("blobs/")}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_layers_hold_nothing_that_could_surprise(archive, platform):
    for layer in archive.platforms()[platform].layers:
        found = members(layer)
        assert [member.name for member in found] == sorted(member.name for member in found)
        for member in found:
            path = PurePosixPath(member.name)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert member.isreg() or member.isdir() or member.issym()
            assert not member.mode & 0o6000
            assert member.mode & 0o002 == 0 or member.issym() or member.name == "tmp"
            assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)


def test_the_upper_layer_holds_the_projects_files_and_nothing_else(archive):
    first, second = (platform.layers[-1] for platform in archive.platforms().values())
    assert first == second
    files = {member.name.removeprefix(f"{HOME}/") for member in members(first) if member.isreg()}
    sources = {name for name in files if not name.endswith(".pyc")}
    compiled = {re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc", r"\1.py", name) for name in files - sources}
    assert sources == set(project_files())
    assert compiled == {name for name in sources if name.endswith(".py")}
    for name in project_files():
        assert content(first, f"{HOME}/{name}") == (ROOT / name).read_bytes()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lower_layer_is_of_its_architecture_and_of_the_packages_that_are_listed(archive, platform):
    found = archive.platforms()[platform]
    assert len(found.layers) == 2
    (python,) = [m.name for m in members(found.layers[0]) if re.fullmatch(r"usr/bin/python3\.\d+", m.name)]
    assert int.from_bytes(content(found.layers[0], python)[18:20], "little") == ELF_MACHINES[platform]
    status = content(found.layers[0], "var/lib/dpkg/status").decode()
    assert re.findall("^Package: (.*)$", status, re.M) == sorted(read_list(ROOT / "image/packages"))
    architectures = set(re.findall("^Architecture: (.*)$", status, re.M))
    assert architectures == {platform.partition("/")[2], "all"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_all_bytecode_is_of_the_images_python_and_never_checked(archive, platform):
    found = archive.platforms()[platform]
    names = [member.name for layer in found.layers for member in members(layer)]
    (version,) = {match[1] for name in names if (match := re.fullmatch(r"usr/bin/python3\.(\d+)", name))}
    heads = {}
    for layer in found.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            heads |= {m.name: tar.extractfile(m).read(8) for m in tar if m.name.endswith(".pyc")}
    assert len(heads) > 500
    assert all(name.endswith(f".cpython-3{version}.pyc") for name in heads)
    assert len({head[:4] for head in heads.values()}) == 1
    assert {head[4:] for head in heads.values()} == {b"\1\0\0\0"}  # PEP 552: by hash, unchecked
    for name in heads:
        assert re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc", r"\1.py", name) in names


def test_an_archive_for_one_platform_can_be_read_by_docker_too(archives):
    for file, name in zip(archives[1:], PLATFORMS, strict=True):
        assert file.name == f"agent-{name.partition('/')[2]}.tar"
        found = read_archive(file)
        assert list(found.platforms()) == [name]
        (described,) = json.loads(found.files["manifest.json"])
        assert described["RepoTags"] == [IMAGE]
        manifest = found.platforms()[name].manifest
        assert described["Config"].endswith(manifest["config"]["digest"].partition(":")[2])
        wanted = [layer["digest"].replace(":", "/") for layer in manifest["layers"]]
        assert described["Layers"] == [f"blobs/{digest}" for digest in wanted]


def test_the_same_inputs_give_the_same_bytes_and_leave_an_archive_untouched(archives, tmp_path):
    build_archive(tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == archives[0].read_bytes()
    before = (tmp_path / "again.tar").stat()
    build_archive(tmp_path / "again.tar")
    after = (tmp_path / "again.tar").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_the_configuration_is_the_one_that_is_written(archive):
    for platform in archive.platforms().values():
        assert platform.config["config"] == json.loads(json.dumps(configuration()))


def test_the_dockerfile_says_of_the_image_what_the_archive_says():
    text = (ROOT / "image/Dockerfile").read_text("utf-8").rpartition("\nFROM scratch\n")[2].replace("\\\n", " ")
    said = dict(line.split(maxsplit=1) for line in text.splitlines() if line)
    assert dict(pair.split("=") for pair in said["ENV"].split()) == ENVIRONMENT
    assert dict(re.findall(r'(\S+?)="([^"]*)"', said["LABEL"])) == LABELS
    assert json.loads(said["ENTRYPOINT"]) == list(ENTRYPOINT)
    assert (said["USER"], said["WORKDIR"]) == (configuration()["User"], configuration()["WorkingDir"])
    assert said["COPY"] == "--from=built /built /"
