"""The real krew takes the archive through a plugin's whole life, from an index that is a local git repository."""

import functools
import http.server
import subprocess
import tarfile
import threading

import pytest
import yaml

from kubectl_netpol import __version__
from release.archive import sum_of
from release.build import this_platform
from release.manifest import TEMPLATE, archive_name, fill

OLDER_FIRST = ("0.0.1", __version__)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


@pytest.fixture
def shelf(tmp_path):
    """A folder, and the address under which it is served on loopback."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def index(tmp_path, home):
    """A plugin index; a manifest that is handed to it is committed."""
    folder = tmp_path / "index"
    (folder / "plugins").mkdir(parents=True)

    def git(*words):
        who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *who, *words], cwd=folder, env=home.environment(), check=True, capture_output=True)

    def publish(manifest):
        (folder / "plugins/netpol.yaml").write_text(manifest, "utf-8")
        git("add", ".")
        git("commit", "--quiet", "-m", "netpol")

    git("init", "--quiet")
    publish.folder = folder
    return publish


def manifest_of(archive, version, base):
    return fill(TEMPLATE.read_text("utf-8"), version, {this_platform(): sum_of(archive)}, base)


def put(archive, shelf, version):
    """The archive on the shelf, in the name of a version; its manifest. What is in it is the same program."""
    folder, address = shelf
    (folder / archive_name(version, *this_platform())).write_bytes(archive.read_bytes())
    return manifest_of(archive, version, address)


def test_the_whole_life_of_the_plugin(home, archive, shelf, index):
    source = {"KREW_DEFAULT_INDEX_URI": str(index.folder)}
    index(put(archive, shelf, OLDER_FIRST[0]))
    run = functools.partial(home.run, "kubectl", **source)
    run("krew", "update")

    found = run("krew", "search", "netpol").stdout.splitlines()[1]
    assert "Write NetworkPolicies from recorded traffic" in found
    assert found.split()[0] == "netpol"
    assert found.endswith("no")
    told = run("krew", "info", "netpol").stdout
    assert f"VERSION: v{OLDER_FIRST[0]}" in told
    assert "CAVEATS:" in told

    said = run("krew", "install", "netpol").stderr
    assert "Installed plugin: netpol" in said
    assert "kubectl netpol completion install" in said
    assert run("netpol", "version").stdout.startswith(f"Client Version: v{__version__}\n")
    listed = run("plugin", "list")
    assert f"{home.krew}/bin/kubectl-netpol" in listed.stdout
    assert "warning" not in (listed.stdout + listed.stderr).lower()
    assert "kind: NetworkPolicy" in run("netpol", "demo", "--replay").stdout
    assert run("netpol", "completion", "install").stdout == f"{home.krew}/bin/kubectl_complete-netpol created\n"

    index(put(archive, shelf, OLDER_FIRST[1]))
    run("krew", "update")
    assert "Upgraded plugin: netpol" in run("krew", "upgrade", "netpol").stderr
    assert [path.name for path in (home.krew / "store/netpol").iterdir()] == [f"v{OLDER_FIRST[1]}"]
    assert "generate\t" in run("__complete", "netpol", "ge").stdout
    listed = run("plugin", "list")
    assert "warning" not in (listed.stdout + listed.stderr).lower()

    assert run("netpol", "completion", "uninstall").stdout == f"{home.krew}/bin/kubectl_complete-netpol removed\n"
    assert "Uninstalled plugin: netpol" in run("krew", "uninstall", "netpol").stderr
    assert [path.name for path in (home.krew / "bin").iterdir() if "netpol" in path.name] == []
    assert not (home.krew / "store/netpol").exists()
    run("netpol", "version", code=1)


def test_a_recording_with_ebpf_works_from_what_krew_installed(home, archive, shelf, index):
    manifest = home.folder / "netpol.yaml"
    manifest.write_text(manifest_of(archive, __version__, "http://127.0.0.1:9"), "utf-8")
    source = {"KREW_DEFAULT_INDEX_URI": str(index.folder)}
    home.run("kubectl", "krew", "install", f"--manifest={manifest}", f"--archive={archive}", **source)
    told = home.run("kubectl", "netpol", "demo").stdout
    assert "$ kubectl netpol record --local" in told
    assert "shop/statefulset/db" in told
    assert "port: 5432" in told


def test_another_archive_than_the_manifests_is_refused(home, archive, index):
    manifest = home.folder / "netpol.yaml"
    text = fill(TEMPLATE.read_text("utf-8"), __version__, {this_platform(): "0" * 64})
    manifest.write_text(text, "utf-8")
    words = ("krew", "install", f"--manifest={manifest}", f"--archive={archive}")
    assert "checksum" in home.run("kubectl", *words, code=1, KREW_DEFAULT_INDEX_URI=str(index.folder)).stderr


def test_krew_refuses_what_our_own_check_refuses(home, index, tmp_path):
    """The rules of release.archive are krew's: an archive with a symbolic link is turned down by krew itself."""
    archive = tmp_path / "wrong.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("kubectl-netpol")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
        tar.addfile(link)
    manifest = home.folder / "netpol.yaml"
    manifest.write_text(manifest_of(archive, __version__, ""), "utf-8")
    words = ("krew", "install", f"--manifest={manifest}", f"--archive={archive}")
    said = home.run("kubectl", *words, code=1, KREW_DEFAULT_INDEX_URI=str(index.folder)).stderr
    assert "unable to handle file type" in said


def test_the_members_are_those_that_krew_takes(archive):
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert names == sorted(set(names))
    for member in members:
        assert member.isreg()
        assert ".." not in member.name
        assert not member.name.startswith(("/", "\\"))
        assert member.mode in (0o644, 0o755)
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)
    assert {"LICENSE", "kubectl-netpol", "licences/click/LICENSE.txt"} <= set(names)


def test_the_manifest_of_make_dist_names_the_archive_of_make_dist(archive):
    manifest = yaml.safe_load((archive.parent / "netpol.yaml").read_text("utf-8"))
    (platform,) = manifest["spec"]["platforms"]
    assert platform["sha256"] == sum_of(archive)
    assert platform["uri"].endswith(f"/v{__version__}/{archive.name}")
