"""Where completion's second name is made, and that nothing else is touched."""

import os

import pytest

from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.catalog import COMPLETER


@pytest.fixture
def place(tmp_path, monkeypatch):
    """krew's folder on the PATH with a link to the program, and a home folder."""
    store, folder = tmp_path / "store/v1", tmp_path / "krew"
    store.mkdir(parents=True)
    folder.mkdir()
    for name in ("kubectl-netpol", "kubectl"):
        (store / name).write_text("#!/bin/sh\n")
        (store / name).chmod(0o755)
        (folder / name).symlink_to(store / name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELL", "/bin/zsh")
    return folder


def install(*words):
    return run(["completion", "install", *words])


def test_it_is_made_beside_the_program_and_outlives_an_upgrade(place, tmp_path, capsys):
    assert install() == 0
    said = capsys.readouterr()
    assert said.out == f"{place / COMPLETER} created\n"
    assert said.err.startswith("hint: kubectl's own completion has to be on; in ~/.zshrc: ")
    assert (place / COMPLETER).readlink().name == "kubectl-netpol"
    assert not (place / COMPLETER).readlink().is_absolute()
    (tmp_path / "store/v1").rename(tmp_path / "store/v2")
    (place / "kubectl-netpol").unlink()
    (place / "kubectl-netpol").symlink_to(tmp_path / "store/v2/kubectl-netpol")
    assert (place / COMPLETER).resolve() == tmp_path / "store/v2/kubectl-netpol"


def test_doing_it_twice_changes_nothing_and_undoing_it_twice_neither(place, capsys):
    for expected in ("created", "unchanged"):
        assert install() == 0
        assert capsys.readouterr().out == f"{place / COMPLETER} {expected}\n"
    assert run(["completion", "uninstall"]) == 0
    assert capsys.readouterr().out == f"{place / COMPLETER} removed\n"
    assert sorted(path.name for path in place.iterdir()) == ["kubectl", "kubectl-netpol"]
    assert run(["completion", "uninstall"]) == 0
    assert capsys.readouterr().err == "there is nothing to remove\n"


def test_a_folder_that_is_not_on_the_path_is_told(place, tmp_path, capsys):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    assert install("--dir", str(elsewhere)) == 0
    assert f"note: {elsewhere} is not on the PATH" in capsys.readouterr().err
    assert (elsewhere / COMPLETER).readlink() == place / "kubectl-netpol"
    assert run(["completion", "uninstall"]) == 0
    assert (elsewhere / COMPLETER).is_symlink()
    assert run(["completion", "uninstall", "--dir", str(elsewhere)]) == 0
    assert not (elsewhere / COMPLETER).is_symlink()


def test_where_the_programs_folder_may_not_be_written_to_it_is_the_users_own(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert install() == 0
    own = tmp_path / "home/.local/bin"
    assert (own / COMPLETER).readlink() == place / "kubectl-netpol"
    assert f"{own} is not on the PATH" in capsys.readouterr().err


def test_what_somebody_else_has_put_there_stays(place, capsys):
    (place / COMPLETER).write_text("#!/bin/sh\n")
    assert install() == 1
    assert "is something else" in capsys.readouterr().err
    assert run(["completion", "uninstall"]) == 0
    assert (place / COMPLETER).read_text() == "#!/bin/sh\n"


def test_a_link_to_a_program_that_is_gone_is_made_anew(place, tmp_path, capsys):
    (place / COMPLETER).symlink_to(tmp_path / "gone/kubectl-netpol")
    assert install() == 0
    assert capsys.readouterr().out == f"{place / COMPLETER} created\n"
    assert (place / COMPLETER).resolve() == tmp_path / "store/v1/kubectl-netpol"
    assert sorted(path.name for path in place.iterdir()) == ["kubectl", "kubectl-netpol", COMPLETER]


def test_what_pip_has_put_beside_the_program_is_left_as_it_is(place, tmp_path, capsys):
    made = tmp_path / "store/v1" / COMPLETER
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    (place / COMPLETER).symlink_to(made)
    assert install() == 0
    assert capsys.readouterr().out == f"{place / COMPLETER} unchanged\n"
    assert run(["completion", "uninstall"]) == 0
    assert (place / COMPLETER).resolve() == made


def test_a_place_that_cannot_be_is_one_line(place, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert install("--dir", str(tmp_path / "file")) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert "--dir" in hint


def test_a_folder_that_is_not_there_is_not_made(place, tmp_path, capsys):
    nowhere = tmp_path / "no where"
    assert install("--dir", str(nowhere)) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == f"error: there is no folder {nowhere}"
    assert hint == f"hint: make it first: mkdir -p '{nowhere}'; or name another with --dir"
    assert not nowhere.exists()


def test_the_users_own_folder_is_made_where_it_is_named(place, tmp_path):
    assert install("--dir", "~/.local/bin") == 0
    assert (tmp_path / "home/.local/bin" / COMPLETER).is_symlink()


def test_a_program_that_is_not_on_the_path_says_so(place, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert install() == 1
    assert "error: kubectl-netpol is not on the PATH" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_printed(shell, capsys):
    assert run(["completion", shell]) == 0
    assert "__complete" in capsys.readouterr().out
