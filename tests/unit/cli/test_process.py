"""The program as a process: streams, exit codes, and what it does not import."""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cache.recordings import recording

from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli.application import application, run
from kubectl_netpol.cli.catalog import PROGRAM, VERBS, overview
from kubectl_netpol.errors import NetpolError, StoreError
from kubectl_netpol.model import Workload

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(tmp_path):
    with Store.open(tmp_path / "cache") as store:
        store.merge("local", [recording()])
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECTL_NETPOL_CACHE_DIR": str(tmp_path / "cache")}


def start(environment, *arguments, python=(), **options):
    command = [sys.executable, *python, "-m", "kubectl_netpol", *arguments]
    settings = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    return subprocess.run(command, check=False, **(settings | options))


def imported(environment, *arguments):
    trace = start(environment, *arguments, python=("-X", "importtime")).stderr
    return {line.rpartition("|")[2].strip() for line in trace.splitlines() if line.startswith("import time:")}


def test_help_imports_next_to_nothing(environment):
    modules = imported(environment, "--help")
    assert "kubectl_netpol.cli.main" in modules
    assert not modules & {"click", "yaml", "diskcache", "kubernetes", "dataclasses", "kubectl_netpol.model", "re"}


def test_generate_imports_only_what_it_needs(environment):
    modules = imported(environment, "generate", "deploy/web", "-n", "shop")
    assert "kubectl_netpol.policy.generate" in modules
    assert not modules & {"kubernetes", "tabulate", "pyroute2", "dns", "kubectl_netpol.capture", "kubectl_netpol.agent"}


def test_no_headers_leaves_the_rows(environment):
    for output in ("table", "wide", "summary"):
        whole = start(environment, "neighbors", "-A", "-o", output).stdout.splitlines()
        rows = start(environment, "neighbors", "-A", "-o", output, "--no-headers").stdout.splitlines()
        assert [row.split() for row in rows] == [row.split() for row in whole[1:]] != []


def test_policies_go_to_stdout_and_notes_to_stderr(environment):
    result = start(environment, "generate", "deploy/web", "-n", "shop")
    assert result.returncode == 0
    assert result.stdout.startswith("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n")
    assert result.stderr.startswith("note: deployment/web in namespace shop: ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        ([], 0),
        (["generate", "--help"], 0),
        (["version"], 0),
        (["nonsense"], 1),
        (["generate", "--nonsense"], 1),
        (["generate"], 1),
        (["neighbors", "--cache-dir", "/dev/null/x", "-A"], 1),
        (["cache", "import", "-f", "/nonexistent"], 1),
        (["cache", "clear"], 1),
        (["cache"], 1),
        (["cache", "nonsense"], 1),
    ],
)
def test_exit_codes_and_no_traceback(environment, arguments, code):
    result = start(environment, *arguments, stdin=subprocess.DEVNULL)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    if code:
        assert result.stdout == ""
        first, second = result.stderr.splitlines()
        assert first.startswith("error: ")
        assert second.startswith("hint: ")


def test_a_traceback_is_there_for_who_asks(environment):
    result = start(environment, "generate", "--debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "error: no workload was named" in result.stderr


@pytest.fixture
def large(environment):
    """More recordings than a pipe holds, whatever is printed of them."""
    workloads = [Workload("shop", "Deployment", f"web-{number}", "apps/v1") for number in range(1000)]
    with Store.open(Path(environment["KUBECTL_NETPOL_CACHE_DIR"])) as store:
        store.merge("local", [recording(workload) for workload in workloads])
    return environment


def without_reader(environment, *arguments, **options):
    read, write = os.pipe()
    os.close(read)
    settings = {"capture_output": False, "stdout": write, "stderr": subprocess.PIPE}
    result = start(environment, *arguments, **(settings | options))
    os.close(write)
    return result


UNBUFFERED = pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])


@UNBUFFERED
@pytest.mark.parametrize("arguments", [("neighbors", "-A"), ("generate", "--help"), ("version", "--client")])
def test_a_reader_that_goes_away_is_no_error(environment, arguments, unbuffered):
    result = without_reader(environment | unbuffered, *arguments)
    assert all(line.startswith("note: ") for line in result.stderr.splitlines())
    assert result.returncode == 141


@UNBUFFERED
@pytest.mark.parametrize(
    "arguments",
    [("neighbors", "-A"), ("generate", "--all", "-A"), ("graph", "-A"), ("cache", "export")],
    ids=" ".join,
)
def test_a_reader_that_goes_away_in_the_middle_is_no_error(large, tmp_path, arguments, unbuffered):
    with (tmp_path / "told").open("w+b") as told:
        command = [sys.executable, "-m", "kubectl_netpol", *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env=large | unbuffered, stdout=subprocess.PIPE, stderr=told, bufsize=0
        )
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(60) == 141
        told.seek(0)
        assert all(line.startswith(b"note: ") for line in told)


def test_a_reader_of_both_streams_that_goes_away_is_no_error(large):
    assert without_reader(large, "generate", "--all", "-A", stderr=subprocess.STDOUT).returncode == 141
    assert without_reader(large, "generate", "--nonsense", stderr=subprocess.STDOUT).returncode == 141


def test_a_full_disk_behind_stdout_is_told(environment):
    with Path("/dev/full").open("w") as full:
        result = start(environment, "neighbors", "-A", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


@UNBUFFERED
def test_output_of_which_a_part_only_could_be_written_is_an_error(large, tmp_path, unbuffered):
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(start(large, "neighbors", "-A", "-o", "yaml").stdout)
    with (tmp_path / "out").open("w") as out:
        streams = {"capture_output": False, "stdout": out, "stderr": subprocess.PIPE, "preexec_fn": limited}
        quiet = {"PYTHONDONTWRITEBYTECODE": "1"}  # the limit would cut those files, too
        result = start(large | unbuffered | quiet, "graph", "-f", str(accounts), **streams)
    assert result.returncode == 1
    assert "error: File too large\n" in result.stderr


@UNBUFFERED
def test_a_demo_whose_reader_goes_away_is_no_error(environment, tmp_path, unbuffered):
    with (tmp_path / "told").open("w+b") as told:
        command = [sys.executable, "-m", "kubectl_netpol", "demo", "--replay"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment | unbuffered, stdout=subprocess.PIPE, stderr=told)
        assert any(line.startswith(b"$ kubectl netpol generate") for line in process.stdout)
        process.stdout.close()
        assert process.wait(60) == 141
        told.seek(0)
        assert all(line.startswith(b"note: ") for line in told)


def test_an_error_of_several_lines_is_one(environment):
    said = start(environment, "import", "x").stderr
    assert said.startswith("error: missing option '--from'. Choose from: hubble, netobserv, pcap\n")


def test_control_c_exits_with_130(environment):
    command = [sys.executable, "-m", "kubectl_netpol", "cache", "import", "-f", "-"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'{"format":"kubectl-netpol recordings","version":1}\n' * 1)
    process.stdin.flush()
    while b"kubectl_netpol" not in Path(f"/proc/{process.pid}/cmdline").read_bytes() or not is_reading(process.pid):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.stdin.close()
    assert process.wait(20) == 130
    assert b"Traceback" not in process.stderr.read()


def is_reading(pid):
    return "pipe" in Path(f"/proc/{pid}/wchan").read_text() or Path(f"/proc/{pid}/syscall").read_text().startswith(
        "0 0x0 "
    )


def test_an_export_moves_recordings_and_importing_it_twice_changes_nothing(environment, tmp_path):
    other = environment | {"KUBECTL_NETPOL_CACHE_DIR": str(tmp_path / "other")}
    exported = start(environment, "cache", "export").stdout
    told = [start(other, "cache", "import", "-f", "-", input=exported).stderr for _ in range(2)]
    assert told == ["1 recording read, 1 workload changed\n", "1 recording read, 0 workloads changed\n"]
    assert start(other, "cache", "export").stdout == exported
    facts = json.loads(start(other, "cache", "info", "-o", "json").stdout)
    assert facts["clusters"] == [{"cluster": "local", "workloads": 1}]
    assert start(other, "cache", "clear", "--yes").stderr == "forgot the recordings of 1 workload\n"
    assert "No recordings" in start(other, "cache", "info").stderr


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 0), (b"n\n", 1, 1), (b"\n", 1, 1)])
def test_clearing_asks_on_a_terminal(environment, answer, code, left):
    main, other = pty.openpty()
    command = [sys.executable, "-m", "kubectl_netpol", "cache", "clear"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=other, stderr=other, stdout=other)
    os.write(main, answer)
    assert process.wait(20) == code
    os.close(other)
    os.close(main)
    facts = json.loads(start(environment, "cache", "info", "-o", "json").stdout)
    assert sum(cluster["workloads"] for cluster in facts["clusters"]) == left


def test_a_cache_that_cannot_be_read_is_left_alone_until_it_is_cleared(environment, tmp_path):
    database = tmp_path / "cache" / "recordings" / "cache.db"
    database.write_bytes(b"x" * 5000)
    result = start(environment, "neighbors", "-A")
    assert result.returncode == 1
    assert "damaged" in result.stderr
    assert "kubectl netpol cache clear" in result.stderr
    assert database.read_bytes() == b"x" * 5000
    assert start(environment, "cache", "clear", "--yes").returncode == 0
    assert start(environment, "neighbors", "-A").returncode == 0


def test_clearing_a_cache_on_a_full_disk_makes_room(environment, tmp_path, monkeypatch, capsys):
    def fail(_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(Store, "open", fail)
    assert run(["cache", "clear", "--yes", "--cache-dir", str(tmp_path / "cache")]) == 0
    assert "the disk is full" in capsys.readouterr().err
    assert not list((tmp_path / "cache" / "recordings").glob("cache.db*"))


def test_a_terminal_without_letters_gets_escapes(environment):
    with Store.open(Path(environment["KUBECTL_NETPOL_CACHE_DIR"])) as store:
        workload = recording().workload
        store.merge("local", [recording(type(workload)("shop", "Deployment", "é", "apps/v1"))])
    result = start(environment | {"PYTHONIOENCODING": "ascii"}, "neighbors", "-A")
    assert result.returncode == 0
    assert r"deployment/\xe9" in result.stdout


def commands():
    import click

    for verb in VERBS:
        pytest.importorskip(f"kubectl_netpol.cli.{VERBS[verb][0]}")
        command = application.get_command(click.Context(application), verb)
        yield verb, command
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", below) for name, below in command.commands.items())


def test_every_command_has_examples_that_can_be_typed():
    for path, command in commands():
        text = f"{command.help or ''}\n{command.epilog or ''}"
        examples = [line.strip() for line in text.splitlines()]
        assert any(line.startswith(f"{PROGRAM} {path}") for line in examples), path


def test_the_overview_is_the_same_with_and_without_click(capsys):
    assert run(["--help"]) == 0
    assert capsys.readouterr().out.strip() == overview().strip()


def test_a_bug_is_one_line_that_asks_for_a_report(monkeypatch, capsys):
    monkeypatch.setattr("kubectl_netpol.cli.application.application.invoke", lambda *_, **__: 1 / 0)
    assert run(["version"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: internal: ZeroDivisionError")
    assert "--debug" in error


def test_an_errors_message_cannot_move_the_cursor(monkeypatch, capsys):
    def fail(*_, **__):
        raise NetpolError("\x1b[2Jevil\nerror: fake", "a\rb")

    monkeypatch.setattr("kubectl_netpol.cli.application.application.invoke", fail)
    assert run(["version"]) == 1
    assert capsys.readouterr().err == "error: \\x1b[2Jevil\\nerror: fake\nhint: a\\rb\n"
