"""The commands that the documents and the helps show: found, parsed, and told apart by what it takes to run them."""

import re
import shlex
from itertools import takewhile
from pathlib import Path

import click

from kubectl_netpol.cli.catalog import PROGRAM
from kubectl_netpol.cli.reference import commands

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMES = [str(one.relative_to(ROOT)) for one in DOCUMENTS]
COMMANDS = {context.command_path: command for context, command in commands()}
_PROGRAMS = re.compile(
    r"(kubectl|kubectl-netpol|hubble|make|git|pip|pipx|rm|kind|minikube|k3s|ctr|skopeo|\.venv/\S+|\w+=\S+ make)( |$)"
)
_PATTERN = re.compile(r"COMMAND|\[OPTIONS\]|\.\.\.|\[ARGS\]|: |\w\|\w")


def blocks(text):
    """The lines of a document's code blocks, fenced or indented, their continuation lines joined."""
    text = re.sub(r"^```mermaid\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = [line[4:] for line in rest.splitlines() if line.startswith("    ")]
    return re.sub(r"\\\n\s*", "", "".join(fenced) + "\n".join(indented)).splitlines()


def shell_lines(text):
    """What a document's code blocks have a shell do, without prompts, sudo and comments."""
    for shown in blocks(text):
        line = re.sub(r"\s+# .*$", "", re.sub(r"^(\$ |sudo )*", "", shown.strip()))
        if _PROGRAMS.match(line) and not _PATTERN.search(line.replace("jsonpath=...", "")):
            yield line


def spans(text):
    """The program's command lines between backticks."""
    for line in re.findall(r"`([^`\n]+)`", text):
        if re.match(rf"{PROGRAM}( |$)", line) and not _PATTERN.search(line.replace("jsonpath=...", "")):
            yield line


def pipelines(text):
    """The words of each command of the program in a code block or between backticks, up to a pipe or a redirection."""
    return [words for line in (*shell_lines(text), *spans(text)) if (words := words_of(line)) is not None]


def words_of(line):
    """The words of the program's command in a shell line; None if it has none."""
    _, found, rest = f" {line}".partition(f" {PROGRAM}")
    if not found or rest[:1].strip():
        return None
    lexer = shlex.shlex(re.sub(r"\$\(.*?\)", "ANSWER", rest), posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    return list(takewhile(lambda word: not set(word) <= set("|<>;&"), lexer))


def parse(words):
    """What click makes of a command line: the command, after its flags and arguments were accepted."""
    path = PROGRAM
    while words and f"{path} {words[0]}" in COMMANDS:
        path, words = f"{path} {words[0]}", words[1:]
    if path == PROGRAM:
        if words and words[0] not in ("help", "--help", "--version", "-h"):
            raise click.UsageError(f"no such command: {words[0]}")
        return None
    command = COMMANDS[path]
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        raise click.UsageError(f"no such command: {words[0]}")
    if not {"-h", "--help"} & set(words) and not (isinstance(command, click.Group) and not words):
        context = click.Context(command, info_name=path, resilient_parsing=False)
        command.parse_args(context, list(words))
    return command


ELSEWHERE = {
    r"(\w+=\S+ )?make |git clone": "whoever develops it, and .ci/run",
    r"\.venv/": "whoever develops it, and .ci/run",
    r"kubectl krew ": "tests/dist/test_krew.py",
    r"kubectl completion |kubectl-netpol completion ": "tests/dist/test_completion_shells.py",
    r"pipx? ": "tests/dist/test_wheel.py",
    r"kind |minikube |k3s |ctr |skopeo ": "nobody: programs of others; tests/cluster loads the image with containerd",
    r"hubble [^|]*$|kubectl netobserv ": "nobody: programs of others",
}
"""By the beginning of a line: who runs it instead of the tests here."""


def everything():
    """All shell lines of the documents, each once. A verb of the program alone between backticks is only a name."""
    texts = [(ROOT / name).read_text("utf-8") for name in NAMES if name != "CHANGELOG.md"]
    lines = [
        line for text in texts for line in (*shell_lines(text), *(one for one in spans(text) if one not in COMMANDS))
    ]
    return [one for one in dict.fromkeys(lines) if not any(re.match(start, one) for start in ELSEWHERE)]


def published():
    """Those that read what a provider publishes: tests/kernel/test_published.py runs them."""
    return [line for line in everything() if "://" in line]


def others():
    """The rest: tests/cluster/test_documents.py runs them."""
    return [line for line in everything() if "://" not in line]
