"""docs/kubectl-conventions.md, held to all commands there are: flags, help, streams and exit codes."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kubectl_netpol.cli.application import application
from kubectl_netpol.cli.catalog import ANSWERING, PROGRAM
from kubectl_netpol.cli.kubectl_flags import GLOBAL, to_click
from kubectl_netpol.cli.outputs import TEMPLATES, OutputFormat
from kubectl_netpol.cli.reference import commands

PAGE = (Path(__file__).parents[3] / "docs/kubectl-conventions.md").read_text("utf-8")
BIN = Path(sys.executable).parent
COMMANDS = {context.command_path: (context, command) for context, command in commands()}
LEAVES = {path: pair for path, pair in COMMANDS.items() if not isinstance(pair[1], click.Group)}
SHORT = {
    "-n": "--namespace",
    "-A": "--all-namespaces",
    "-l": "--selector",
    "-f": "--filename",
    "-o": "--output",
    "-q": "--quiet",
    "-y": "--yes",
    "-w": "--watch",
    "-R": "--recursive",
    "-c": "--container",
}
"""kubectl's, and -y, which the page explains."""

ALIKE = ("--all-namespaces", "--selector", "--context", "--kubeconfig", "--cluster", "--user", "--as", "--as-group")


def options(command):
    return [one for one in command.params if isinstance(one, click.Option)]


@pytest.fixture
def start(tmp_path):
    def run(*words, **options):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **options.pop("environment", {})}
        command = [str(BIN / "kubectl-netpol"), *words]
        options = {"capture_output": True, "stdin": subprocess.DEVNULL} | options
        return subprocess.run(command, cwd=tmp_path, env=environment, text=True, check=False, **options)

    return run


# Of these, 1 is an answer, as of kubectl diff.
def error_code(words):
    return 2 if words and words[0] in ANSWERING else 1


@pytest.mark.parametrize("path", COMMANDS)
def test_a_short_flag_is_kubectls_and_means_the_same_everywhere(path):
    for option in options(COMMANDS[path][1]):
        for flag in option.opts:
            if re.fullmatch("-[A-Za-z]", flag) and flag != "-h":
                assert SHORT.get(flag) in option.opts, f"{path} {flag}"
                assert f"`{flag}" in PAGE


def test_a_flag_of_kubectls_is_explained_alike_everywhere():
    for flag in ALIKE:
        # known-servers import --cluster is no cluster's name.
        is_flag = flag == "--all-namespaces"
        found = (one for _, command in LEAVES.values() for one in options(command) if flag in one.opts)
        texts = {one.help for one in found if one.is_flag == is_flag}
        assert len(texts) == 1, f"{flag}: {texts}"


@pytest.mark.parametrize("path", LEAVES)
def test_all_namespaces_goes_with_a_namespace_and_a_kubeconfig_with_a_context(path):
    flags = {flag for one in options(LEAVES[path][1]) for flag in one.opts}
    assert "--namespace" in flags or "--all-namespaces" not in flags
    assert ("--kubeconfig" in flags) == ("--context" in flags)
    if flags & {"--namespace"}:
        assert "--context" in flags


@pytest.mark.parametrize("path", LEAVES)
def test_what_asks_a_cluster_has_all_flags_of_a_connection(path):
    flags = {flag for one in options(LEAVES[path][1]) for flag in one.opts}
    connection = {"--kubeconfig", "--context", "--cluster", "--user", "--as", "--as-group", "--request-timeout"}
    asks = path.endswith(("known-servers import", "known-servers refresh")) or flags & {"--user", "--as"}
    assert connection <= flags or not asks


# pflag's: -x=value, -x=false and --flag=true mean what -x value, nothing and --flag mean.
@pytest.mark.parametrize("path", LEAVES)
def test_each_flag_is_read_in_all_of_kubectls_ways(path):
    words = path.split()[2:]

    def read(*flags):
        return to_click([*words, *flags], application, PROGRAM)

    for option in options(LEAVES[path][1]):
        for flag in option.opts:
            is_short = not flag.startswith("--")
            if option.is_flag:
                assert read(f"{flag}=true") == [*words, flag]
                undone = [flag, *option.secondary_opts] if option.secondary_opts else []
                assert read(flag, f"{flag}=false") == [*words, *undone]
            else:
                assert read(f"{flag}=a=b") == [*words, f"{flag}a=b" if is_short else f"{flag}=a=b"]
                assert read(flag, f"{flag}=b") == [*words, flag, f"{flag}=b"]


def test_kubectls_global_flags_stand_on_the_page_and_before_the_verb():
    for flag in GLOBAL - {"--namespace"}:
        assert f"`{flag}`" in PAGE
    assert to_click(["--context=a", "cache", "info"], application, PROGRAM) == ["cache", "info", "--context=a"]


@pytest.mark.parametrize("path", LEAVES)
def test_each_option_has_a_sentence_that_ends(path):
    for option in options(LEAVES[path][1]):
        assert option.help, option.opts
        assert option.help.rstrip()[-1] in ".]", f"{path} {option.opts}"


@pytest.mark.parametrize("path", LEAVES)
def test_formats_are_decided_in_one_place_and_stand_on_the_page(path):
    for option in options(LEAVES[path][1]):
        if "-o" in option.opts:
            assert isinstance(option.type, OutputFormat), path
            for name in option.type.choices:
                if name.endswith("="):
                    assert f"`{name}`" in PAGE
    assert {f"{one}=" for one in TEMPLATES} == {
        f"{one}=" for one in re.findall(r"`((?:jsonpath|custom-columns)[a-z-]*)=`", PAGE)
    }


@pytest.mark.parametrize("path", COMMANDS)
def test_help_is_on_stdout_and_a_wrong_flag_is_one_line_and_a_hint_on_stderr(path, start):
    words = path.split()[2:]
    helped = start(*words, "-h")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith(f"Usage: {path}")
    assert "Examples:" in helped.stdout
    wrong = start(*words, "--nonsense")
    assert (wrong.returncode, wrong.stdout) == (error_code(words), "")
    first, second = wrong.stderr.splitlines()
    assert first.startswith("error: ")
    assert second == f"hint: see '{path} --help' for usage and examples"


@pytest.mark.parametrize(
    "path", [path for path, pair in LEAVES.items() if any("-o" in one.opts for one in options(pair[1]))]
)
def test_a_format_that_is_none_is_refused_in_kubectls_words(path, start):
    words = path.split()[2:]
    done = start(*words, "-o", "nonsense")
    assert (done.returncode, done.stdout) == (error_code(words), "")
    error, hint = done.stderr.splitlines()
    assert error == 'error: unable to match a printer suitable for the output format "nonsense"'
    assert hint.startswith("hint: allowed formats are: ")


# kubectl get has it; what lists objects here says so by having templates and a table.
@pytest.mark.parametrize("path", LEAVES)
def test_what_lists_objects_as_a_table_has_no_headers(path):
    flags = {flag: one for one in options(LEAVES[path][1]) for flag in one.opts}
    formats = flags["-o"].type.choices if "-o" in flags else ()
    lists_objects = "table" in formats and "custom-columns=" in formats
    assert ("--no-headers" in flags) == lists_objects
    assert f"`{path.removeprefix('kubectl netpol ')}`" in PAGE or not lists_objects


def test_no_headers_leaves_them_out_of_tables_and_columns(start):
    add = ("--ip-block", "10.0.0.0/24", "--server", "example.com")
    assert start("known-servers", "add", "office", *add).returncode == 0
    assert start("known-servers", "list", "--no-headers").stdout == "office   10.0.0.0/24   <none>   example.com\n"
    columns = ("-o", "custom-columns=NAME:.metadata.name,IP:.spec[0].ipBlock")
    assert start("known-servers", "list", *columns).stdout == "NAME     IP\noffice   10.0.0.0/24\n"
    assert start("known-servers", "list", "--no-headers", *columns).stdout == "office   10.0.0.0/24\n"


def test_a_template_without_text_is_refused_before_anything_is_done(start):
    for output in ("jsonpath", "jsonpath=", "custom-columns="):
        done = start("generate", "--all", "-o", output)
        assert done.returncode == 1
        assert done.stderr.startswith("error: template format specified but no template given\nhint: ")


def test_an_error_names_what_to_type_next(start):
    for words in (["neighbors", "deploy/x"], ["generate"], ["sessions"], ["cache", "clear"], ["generate", "-f", "no"]):
        done = start(*words)
        if done.returncode:
            assert re.match(r"error: [^\n]+\nhint: [^\n]+\n$", done.stderr), done.stderr


@pytest.mark.parametrize("words", [["demo", "--replay"], ["neighbors", "-A"], ["--help"], ["version", "--client"]])
def test_nothing_is_coloured_in_a_pipe_or_where_no_color_is_set(words, start):
    piped = start(*words)
    assert "\x1b" not in piped.stdout + piped.stderr
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BIN / "kubectl-netpol"), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_COLOR": "1", "TERM": "xterm-256color"},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        seen += chunk
        if not chunk:
            break
    process.wait(30)
    os.close(ours)
    assert seen
    assert b"\x1b[3" not in seen and b"\x1b[9" not in seen


def test_a_version_is_the_clients_or_also_the_servers(start, tmp_path):
    client = start("version", "--client", "-o", "json")
    assert '"gitVersion": "v' in client.stdout and client.returncode == 0
    assert start("version").stdout.startswith("Client Version: v")
    config = "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    config += "contexts: [{name: c, context: {cluster: k}}]"
    path = tmp_path / "config"
    path.write_text(config + "\ncurrent-context: c\nusers: []\n", "utf-8")
    both = start("version", "--kubeconfig", str(path))
    assert both.returncode == 1
    assert both.stdout.startswith("Client Version: v")
    assert "cannot be reached" in both.stderr
