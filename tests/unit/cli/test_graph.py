"""``graph`` as it is typed: where it goes, and what cannot be drawn."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_netpol.cli.application import run

ROOT = Path(__file__).parents[3]
INPUT = str(ROOT / "tests/cases/input/operator.yaml")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("map.html", "<!doctype html>"),
        ("map.svg", "<svg "),
        ("map.mmd", "flowchart LR"),
        ("map.DOT", "digraph netpol {"),
    ],
)
def test_a_files_name_says_how_the_map_is_drawn(tmp_path, capsys, name, start):
    target = tmp_path / name
    assert run(["graph", "-f", INPUT, "--output-file", str(target)]) == 0
    assert capsys.readouterr().out == f"{target} written\n"
    assert target.read_text().startswith(start)
    assert run(["graph", "-f", INPUT, "--output-file", str(target)]) == 0
    assert capsys.readouterr().out == f"{target} unchanged\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output-file", "map.pdf"], "map.pdf does not say how to draw the map"),
        (["--output-file", ""], "--output-file '' names no file"),
        (["--output-file", "/"], "--output-file '/' names no file"),
        (["--output-file", "/nonexistent/map.svg"], "/nonexistent/map.svg: No such file or directory"),
        (["-o", "png"], "unable to match a printer"),
        (["deploy/none", "-o", "dot"], "none"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_a_hint(capsys, arguments, message):
    assert run(["graph", "-f", INPUT, *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    first, second = printed.err.splitlines()
    assert message in first
    assert second.startswith("hint: ")


def test_a_folder_and_a_link_are_not_written_over(tmp_path, capsys):
    (tmp_path / "map.svg").mkdir()
    (tmp_path / "link.svg").symlink_to(tmp_path / "elsewhere")
    for name in ("map.svg", "link.svg"):
        assert run(["graph", "-f", INPUT, "--output-file", str(tmp_path / name)]) == 1
    assert "a folder, not a file" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


def on_terminal(*arguments, **variables):
    """What a command shows on a terminal, and its exit code."""
    leader, follower = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm"} | variables
    command = [sys.executable, "-m", "kubectl_netpol", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=follower, stderr=subprocess.PIPE)
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    error = process.communicate()[1]
    os.close(leader)
    return shown.decode().replace("\r\n", "\n"), error.decode(), process.returncode


def test_a_page_is_not_thrown_at_a_terminal():
    shown, error, code = on_terminal("graph", "-f", INPUT)
    assert (shown, code) == ("", 1)
    assert "--output-file map.html" in error
    assert on_terminal("graph", "-f", INPUT, "-o", "mermaid")[0].startswith("flowchart LR\n")


def test_policies_are_coloured_on_a_terminal_that_takes_colours_only():
    plain = subprocess.run(
        [sys.executable, "-m", "kubectl_netpol", "generate", "-f", INPUT], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    assert "\x1b" not in plain
    shown, _, _ = on_terminal("generate", "-f", INPUT)
    assert "\x1b[34;1mkind\x1b[0m: " in shown
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == plain
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert on_terminal("generate", "-f", INPUT, **variables)[0] == plain
    assert "\x1b" not in on_terminal("generate", "-f", INPUT, "-o", "json")[0]
