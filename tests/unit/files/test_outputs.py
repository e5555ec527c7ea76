"""Files of a folder are whole or as they were, and what did not change is not touched."""

import os
import socket

import pytest

from kubectl_netpol.errors import InputError
from kubectl_netpol.files.outputs import write_changed


def write(folder, **texts):
    return {path.name: is_new for path, is_new in write_changed(folder, texts)}


def test_only_what_changed_is_written(tmp_path):
    folder = tmp_path / "deep" / "policies"
    assert write(folder, a="1\n", b="2\n") == {"a": True, "b": True}
    before = (folder / "a").stat()
    assert write(folder, a="1\n", b="3\n") == {"a": False, "b": True}
    after = (folder / "a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (folder / "b").read_text() == "3\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_a_text_that_only_begins_alike_is_written(tmp_path):
    write(tmp_path, a="1\n2\n")
    assert write(tmp_path, a="1\n") == {"a": True}
    assert (tmp_path / "a").read_text() == "1\n"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path, a="old\n")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write(tmp_path, a="new\n")
    assert (tmp_path / "a").read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_keeps_its_mode(tmp_path):
    write(tmp_path, a="1\n")
    (tmp_path / "a").chmod(0o640)
    write(tmp_path, a="2\n")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_place_that_is_no_folder_or_no_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file"):
        write(tmp_path / "file", a="1")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="a"):
        write(tmp_path, a="1")


def place_pipe(path, _elsewhere):
    os.mkfifo(path)


def place_folder(path, _elsewhere):
    path.mkdir()


def place_link(path, elsewhere):
    elsewhere.write_text("theirs\n")
    path.symlink_to(elsewhere)


def place_dangling_link(path, elsewhere):
    path.symlink_to(elsewhere)


def place_socket(path, _elsewhere):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (place_pipe, "a pipe"),
        (place_folder, "a folder"),
        (place_link, "a symbolic link"),
        (place_dangling_link, "a symbolic link"),
        (place_socket, "no regular file"),
    ],
)
def test_what_is_no_regular_file_is_named_before_anything_is_written(tmp_path, place, words):
    folder, elsewhere = tmp_path / "policies", tmp_path / "elsewhere"
    write(folder, a="old\n")
    place(folder / "b", elsewhere)
    before = (folder / "b").lstat()
    with pytest.raises(InputError, match=f"b: is {words}"):
        write(folder, a="new\n", b="1\n", c="1\n")
    assert (folder / "a").read_text() == "old\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert (folder / "b").lstat().st_mode == before.st_mode
    assert not elsewhere.exists() or elsewhere.read_text() == "theirs\n"
