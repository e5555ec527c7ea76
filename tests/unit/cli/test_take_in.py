"""Taking in a session whose Jobs do not say in words that can be read what it is about."""

from types import SimpleNamespace

import pytest

from kubectl_netpol.capture.collection import Found
from kubectl_netpol.capture.session import Session
from kubectl_netpol.cli import take_in
from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.model import Workload

JOB = {"spec": {"template": {"spec": {"nodeName": "n1"}}}}
WEB, ELSEWHERE = (Workload(place, "Deployment", "web", "apps/v1") for place in ("shop", "infra"))


@pytest.mark.parametrize("is_last", [True, False])
@pytest.mark.parametrize(
    ("words", "is_readable", "is_in_scope"),
    [
        ({"selection": ("deployment/web",)}, True, True),
        ({"selection": ("deployment/db",)}, True, False),
        ({"selection": ("shop/deployment/db",)}, False, True),
        ({"labels": "app in"}, False, True),
    ],
)
def test_it_is_ended_and_taken_in_all_the_same(monkeypatch, capsys, tmp_path, is_last, words, is_readable, is_in_scope):
    ended = []
    for name in ("need_kubeconfig", "cluster_identity", "check_stopping", "network_of", "note_network", "remember"):
        monkeypatch.setattr(take_in, name, lambda *_: "")
    for name in ("collect", "collect_and_remove"):
        monkeypatch.setattr(take_in, name, lambda captures, found: ended.append((captures, found)))
    monkeypatch.setattr(Connection, "current", lambda _: SimpleNamespace(cluster="c"))
    monkeypatch.setattr(Connection, "open", lambda _: SimpleNamespace(skew=0))
    asked = SimpleNamespace(find=lambda *_: Found(Session("abc", "shop", **words), "shop", [JOB]))
    connection = Connection(None, None, None, None, None, (), 0.0, ())
    take_in.take_in(connection, asked, True, tmp_path / "cache", is_last)
    ((captures, found),) = ended
    captures.close()
    captures.fleet.close()
    assert [captures._wanted(one, {}) for one in (WEB, ELSEWHERE)] == [is_in_scope, False]
    assert ("all that it heard of namespace shop is taken in" in capsys.readouterr().err) != is_readable
    assert found.session.nodes == (() if is_readable else ("n1",))  # nothing is missed of others
