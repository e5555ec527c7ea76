"""The file on disk: replaced whole or not at all, its mode and links kept, two editors in turn."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers import store
from kubectl_netpol.known_servers.edits import add_documents
from kubectl_netpol.known_servers.location import default_path
from kubectl_netpol.known_servers.store import edit, read_known_servers, read_lookup
from kubectl_netpol.known_servers.values import Document, known_server


def adder(name, block="10.0.0.0/8"):
    document = Document(name, (known_server(name, block),))
    return lambda text: add_documents(text, "servers.yaml", [document]).text


def entries_of(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_the_default_path_is_in_the_config_directory():
    assert default_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/kubectl-netpol/known-servers.yaml")
    assert default_path({"XDG_CONFIG_HOME": "x", "HOME": "/h"}) == Path("/h/.config/kubectl-netpol/known-servers.yaml")
    assert default_path({"HOME": "/h"}) == Path("/h/.config/kubectl-netpol/known-servers.yaml")


def test_a_missing_file_is_empty_unless_it_was_named(tmp_path):
    path = tmp_path / "none.yaml"
    assert read_known_servers(path, required=False) == ()
    with pytest.raises(InputError, match="no such file"):
        read_known_servers(path, required=True)


def test_an_edit_makes_folder_and_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b" / "servers.yaml"
    edit(path, adder("github"))
    assert [document.name for document in read_known_servers(path, required=True)] == ["github"]
    assert entries_of(path.parent) == ["servers.yaml"]
    assert read_lookup(path, required=True)("10.1.2.3") is not None


def test_mode_and_link_stay(tmp_path):
    target, link = tmp_path / "target.yaml", tmp_path / "link" / "servers.yaml"
    link.parent.mkdir()
    link.symlink_to("../target.yaml")
    target.write_text("# mine\n")
    target.chmod(0o640)
    edit(link, adder("github"))
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.read_text().startswith("# mine\n---\n")
    assert entries_of(tmp_path) == ["link", "target.yaml"]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"kind: ConfigMap\n", b"a: &a b"])
def test_a_broken_file_stays_as_it_is(tmp_path, content):
    path = tmp_path / "servers.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        edit(path, adder("github"))
    assert path.read_bytes() == content
    assert entries_of(tmp_path) == ["servers.yaml"]


def test_a_disk_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "servers.yaml"
    edit(path, adder("github"))
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        edit(path, adder("other"))
    assert path.read_bytes() == before
    assert entries_of(tmp_path) == ["servers.yaml"]


def test_a_full_device_and_things_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="no regular file"):
        edit(Path("/dev/full"), adder("github"))
    with pytest.raises(InputError, match="no regular file"):
        edit(tmp_path, adder("github"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        edit(tmp_path / "file" / "servers.yaml", adder("github"))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="cannot be written"):
        edit(tmp_path / "loop", adder("github"))


def test_an_endless_file_is_refused():
    with pytest.raises(InputError, match="larger than 16 MiB"):
        read_known_servers(Path("/dev/zero"), required=True)


def test_no_edit_of_several_at_once_is_lost(tmp_path):
    path = tmp_path / "servers.yaml"
    threads = [threading.Thread(target=edit, args=(path, adder(f"n{i}"))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.name for d in read_known_servers(path, required=True)) == sorted(f"n{i}" for i in range(12))


def test_an_editor_that_hangs_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.1)
    program = (
        f"import fcntl,os,sys; d=os.open({str(tmp_path)!r},0); fcntl.flock(d,2); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InputError, match="another program is editing it"):
            edit(tmp_path / "servers.yaml", adder("github"))
        holder.communicate()
    edit(tmp_path / "servers.yaml", adder("github"))
