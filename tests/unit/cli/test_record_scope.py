"""What ``record`` says of a workload that was named and is not there."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_netpol.cli.record_scope import scoped
from kubectl_netpol.errors import NetpolError
from kubectl_netpol.neighbors.inventory import Inventory


def pod(name: str, namespace: str = "shop", owner: str = "") -> dict[str, Any]:
    """A running pod; ``owner`` is its StatefulSet's name."""
    reference = {"kind": "StatefulSet", "name": owner, "apiVersion": "apps/v1", "controller": True}
    metadata = {"name": name, "namespace": namespace, "uid": namespace + name, "labels": {"app": owner or name}}
    metadata |= {"creationTimestamp": "1970-01-01T00:00:01Z"} | ({"ownerReferences": [reference]} if owner else {})
    status = {"phase": "Running"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}


def refused(word: str, namespace: str = "shop") -> tuple[str, str]:
    """The message and its hint, where there are statefulset/db with db-0, toolbox and, elsewhere, far."""
    inventory = Inventory()
    inventory.observe([pod("db-0", owner="db"), pod("toolbox"), pod("far", "infra")], 5000)
    with pytest.raises(NetpolError) as raised:
        scoped((word,), namespace, "").check(inventory, {}, ())
    return raised.value.message, raised.value.hint


@pytest.mark.parametrize("word", ["pod/db-0", "po/db-0", "pods.v1./db-0"])
def test_the_workload_that_stands_for_a_pod_is_told(word: str) -> None:
    hint = "it is a pod of statefulset/db, which stands for all of its pods: name that"
    for namespace, place in (("shop", "namespace shop"), ("", "any namespace")):
        assert refused(word, namespace) == (f'"{word}" not found in {place}', hint)


def test_of_others_it_is_told_what_there_is() -> None:
    assert refused("pod/db-1")[1] == "there is pod/toolbox, statefulset/db"
    assert refused("deploy/db-0")[1] == "there is pod/toolbox, statefulset/db"
    assert refused("pod/db-0", "infra")[1] == "there is pod/far"
    assert refused("pod/far")[1] == "it is in namespace infra: -n infra"
