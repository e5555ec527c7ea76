"""What is no name of a namespace is refused by every command that asks a cluster, before it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_netpol.cli.application import run

COMMANDS = [
    ("doctor",),
    ("doctor", "--print-rbac"),
    ("sessions",),
    ("collect",),
    ("stop",),
    ("confirm",),
    ("rollback",),
    ("record",),
    ("record", "--dry-run=client"),
    ("check", "--generated"),
    ("diff", "--all"),
    ("generate", "--all", "--apply"),
]
CAPTURING = [("doctor",), ("doctor", "--print-rbac"), ("record", "--dry-run=client")]


def kubeconfig(tmp_path: Path, namespace: str) -> str:
    """One whose context has that namespace, and whose cluster nobody answers for."""
    path = tmp_path / "config"
    path.write_text(
        f"""
        current-context: c
        contexts: [{{name: c, context: {{cluster: k, user: u, namespace: {namespace}}}}}]
        clusters: [{{name: k, cluster: {{server: "http://127.0.0.1:1"}}}}]
        users: [{{name: u, user: {{token: none}}}}]
        """
    )
    return str(path)


def check_refused(capsys: pytest.CaptureFixture[str], name: str, code: int) -> None:
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {name!r:.80} is no name of a namespace\nhint: ")
    assert code in (1, 2)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", ["Foo Bar", "shop\n", "shop\x1b[31m", "../kube-system", "a" * 64, "-"])
def test_a_name_that_no_namespace_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], name: str
) -> None:
    code = run([*words, "-n", name, "--kubeconfig", kubeconfig(tmp_path, "shop")])
    check_refused(capsys, name, code)


@pytest.mark.parametrize("words", CAPTURING, ids=" ".join)
def test_so_is_one_for_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code = run([*words, "--capture-namespace", "Foo Bar", "--kubeconfig", kubeconfig(tmp_path, "shop")])
    check_refused(capsys, "Foo Bar", code)


@pytest.mark.parametrize("words", [one for one in COMMANDS if one != ("doctor",)], ids=" ".join)
def test_so_is_that_of_a_context_where_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code = run([*words, "--kubeconfig", kubeconfig(tmp_path, "Foo Bar")])
    check_refused(capsys, "Foo Bar", code)
