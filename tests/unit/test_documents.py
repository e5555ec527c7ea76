"""Documents cannot rot: the reference is what the commands say, each command shown parses, and somebody runs it."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from kubectl_netpol.capture import diagnosis, enforcement
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.catalog import PROGRAM, overview
from kubectl_netpol.cli.reference import reference
from tests.documented import (
    COMMANDS,
    DOCUMENTS,
    ELSEWHERE,
    NAMES,
    ROOT,
    others,
    parse,
    pipelines,
    published,
    shell_lines,
)


def check(name, text):
    shown = list(pipelines(text))
    for words in shown:
        try:
            parse(words)
        except click.ClickException as error:
            pytest.fail(f"{name}: {PROGRAM} {shlex.join(words)}: {error.format_message()}")
    return shown


@pytest.mark.parametrize("name", NAMES)
def test_every_command_in_a_document_is_accepted(name):
    check(name, (ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_of_a_help_is_accepted(path):
    text = COMMANDS[path].help or ""
    assert check(path, "\n".join(f"    {line.strip()}" for line in text.splitlines()))


def test_every_command_of_the_overview_is_accepted():
    assert check("overview", "\n".join(f"    {line.strip()}" for line in overview().splitlines()))


def test_the_documents_show_commands_at_all():
    shown = {name: list(pipelines((ROOT / name).read_text("utf-8"))) for name in NAMES}
    for name in ("README.md", "docs/getting-started.md", "docs/troubleshooting.md", "docs/reference.md"):
        assert len(shown[name]) >= 5


@pytest.mark.parametrize("line", ["nope", "generate --nope", "cache nope", "neighbors -o", "record --duration x"])
def test_a_command_that_is_not_accepted_would_be_found(line):
    with pytest.raises(click.UsageError):
        parse(next(iter(pipelines(f"    $ {PROGRAM} {line} | cat\n"))))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_of_the_tree_has_help(path, capsys):
    assert run([*path.removeprefix(f"{PROGRAM} ").split(), "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: {path} ")


def test_the_reference_is_what_the_commands_say():
    stale = (ROOT / "docs/reference.md").read_text("utf-8") != reference()
    assert not stale, "docs/reference.md is stale; run: make reference"


def strings(module):
    """The texts of a module that somebody may be shown: not what it says of itself and of its constants."""
    own = {id(statement.value) for statement in module.body if isinstance(statement, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in own:
            yield node.value


def test_no_message_sends_to_a_document_that_only_a_clone_has():
    modules = [*(ROOT / "kubectl_netpol").rglob("*.py")]
    found = {
        f"{path.name}: {text[:200]}"
        for path in modules
        for text in strings(ast.parse(path.read_text("utf-8")))
        if re.search(r"docs/[\w-]+\.md", text)
    }
    assert len(modules) > 100
    assert not found


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_each_line_of_a_document_has_somebody_who_runs_it():
    run = {*published(), *others()}
    lines = {line for name in NAMES for line in shell_lines((ROOT / name).read_text("utf-8"))}
    assert [line for line in lines - run if not any(re.match(start, line) for start in ELSEWHERE)] == []
    assert len(others()) > 100
    assert len(published()) > 3


def test_troubleshooting_has_every_check_of_doctor():
    text = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    sections = set(re.findall(r"^## (.+)$", text, flags=re.MULTILINE))
    source = "".join(Path(module.__file__).read_text("utf-8") for module in (diagnosis, enforcement))
    source += (Path(diagnosis.__file__).parent / "doctor.py").read_text("utf-8")
    named = set(re.findall(r'(?:Check\(|trouble\(|name(?:, \w+)? = )"([a-z ]+)"', source))
    assert named >= {"connection", "nodes", "cache", "pod security", "rights to generate"}
    assert named <= sections
    assert {enforcement.NAME, "rights to record", "rights to apply"} <= sections


def test_every_statement_of_the_comparison_has_a_source_that_is_listed():
    text, _, sources = (ROOT / "docs/comparison.md").read_text("utf-8").partition("## Sources")
    listed = {int(one) for one in re.findall(r"^(\d+)\. .*<https://", sources, flags=re.MULTILINE)}
    cited = {int(one) for one in re.findall(r"\[(\d+)\]", text)}
    assert cited == listed
