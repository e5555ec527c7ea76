"""Which session is meant, and what is proposed to be typed: with the flags that led here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kubectl_netpol.capture.collection import Found
from kubectl_netpol.capture.session import Session, encode
from kubectl_netpol.cli import session_options
from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cli.session_options import Asked
from kubectl_netpol.cli.sessions import newest_by_node
from kubectl_netpol.cluster.trouble import RefusedError
from kubectl_netpol.errors import NetpolError
from kubectl_netpol.wire import StatusRecord

WORDS = ("--kubeconfig", "/home/my config", "--as", "jane")
HOME = "shop"


def connection() -> Connection:
    return Connection("/home/my config", None, None, None, "jane", (), 0.0, WORDS)


def test_what_is_to_be_typed_again_is_as_a_shell_takes_it() -> None:
    told = connection().command("stop", "k7m2px")
    assert told == "kubectl netpol stop k7m2px --kubeconfig '/home/my config' --as jane"


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``Asked.find`` in a cluster with sessions in two namespaces; ``may_list`` is where Jobs may be listed."""
    found = [
        Found(Session(name, place), place, []) for name, place in (("aaa", HOME), ("bbb", "infra"), ("ccc", "infra"))
    ]
    monkeypatch.setattr(Connection, "current", lambda _: SimpleNamespace(namespace=HOME))

    def look(
        name: str | None = None, namespace: str | None = None, everywhere: bool = False, may_list: str = ""
    ) -> str:
        def sessions_in(_: object, __: object, place: str) -> list[Found]:
            if may_list not in ("", place):
                raise RefusedError(403, "Forbidden", "jobs.batch is forbidden")
            return [one for one in found if place in ("", one.namespace)]

        monkeypatch.setattr(session_options, "sessions_in", sessions_in)
        return Asked(name, namespace, everywhere).find(object(), connection()).session.name  # type: ignore[arg-type]

    return look


def test_without_a_name_it_is_the_only_one_of_the_namespace(find: Any) -> None:
    assert find() == "aaa"
    with pytest.raises(NetpolError, match="several sessions in namespace infra, and none was named"):
        find(namespace="infra")
    with pytest.raises(NetpolError, match="several sessions in any namespace, and none was named"):
        find(everywhere=True)
    with pytest.raises(NetpolError, match="no sessions found in namespace empty") as raised:
        find(namespace="empty")
    assert raised.value.hint == "see others with: kubectl netpol sessions -A --kubeconfig '/home/my config' --as jane"


def test_one_that_is_named_is_looked_for_everywhere(find: Any) -> None:
    assert find("bbb") == "bbb"
    assert find("bbb", namespace="infra") == "bbb"
    with pytest.raises(NetpolError, match='session "bbb" not found in namespace shop'):
        find("bbb", namespace=HOME)


def test_who_may_list_one_namespace_only_finds_what_is_there(find: Any) -> None:
    assert find("aaa", may_list=HOME) == "aaa"
    assert find(may_list=HOME) == "aaa"
    with pytest.raises(NetpolError, match='session "bbb" not found in namespace shop'):
        find("bbb", may_list=HOME)


def test_of_a_node_whose_agent_was_begun_again_only_the_newest_counts() -> None:
    words = [
        StatusRecord(epoch, 1, time, 0, node) for epoch, time, node in (("b", 9, "n1"), ("a", 5, "n1"), ("c", 7, "n2"))
    ]
    assert {word.epoch for word in newest_by_node(words)} == {"b", "c"}


def test_a_session_whose_jobs_do_not_say_what_it_is_is_told_with_what_removes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def job(name: str, session: str, program: str = "kubectl-netpol", annotation: str = "") -> dict[str, Any]:
        labels = {"app.kubernetes.io/name": program, "kubectl-netpol/session": session}
        told = annotation or encode(Session(session, "shop"))
        metadata = {"name": name, "namespace": "shop", "labels": labels}
        return {"metadata": metadata | {"annotations": {"kubectl-netpol/session": told}}}

    jobs = [
        job("a1", "aaa"),
        job("b1", "bbb", annotation="{"),
        job("b2", "bbb", annotation="{"),
        job("c1", "ccc", annotation=encode(Session("aaa", "shop"))),
        job("d1", "ddd", program="another", annotation="{"),
    ]
    api = SimpleNamespace(get=lambda *_: {"metadata": {"resourceVersion": "1"}, "items": jobs})
    found = session_options.sessions_in(connection(), api, "")  # type: ignore[arg-type]
    assert [one.session.name for one in found] == ["aaa"]
    label, flags = "-l kubectl-netpol/session=", "--kubeconfig '/home/my config' --as jane"
    assert [line.rpartition("; ")[2] for line in capsys.readouterr().err.splitlines()] == [
        f"to remove it: kubectl delete jobs -n shop {label}{name} {flags}" for name in ("bbb", "ccc")
    ]
