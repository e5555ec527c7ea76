"""Who had an address when, and whose pod that was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.model import Selector, Workload
from kubectl_netpol.neighbors.inventory import Inventory

from .cluster import T0, Object, controller, moment, node, owner, pod, service

HASH = {"pod-template-hash": "6f7d9"}


def inventory(*objects: Object, at: int = T0) -> Inventory:
    found = Inventory()
    found.observe(objects, at)
    return found


def owner_name(found: Inventory, address: str, at: int) -> str:
    one = found.owner(address, at)
    return one.name if one else ""


def test_an_address_used_again_belongs_to_each_pod_in_its_time() -> None:
    found = inventory(pod("old", "10.0.0.5"))
    found.observe([pod("new", "10.0.0.5", begin=T0 + 100_000)], T0 + 101_000)
    assert owner_name(found, "10.0.0.5", T0 + 99_999) == "old"
    assert owner_name(found, "10.0.0.5", T0 + 100_000) == "new"
    assert owner_name(found, "10.0.0.5", T0 + 900_000) == "new"


def test_a_pod_that_waited_for_a_place_has_its_address_only_since_a_node_took_it_on() -> None:
    waiting, placed = pod("new", begin=T0 + 60_000), pod("new", "10.0.0.5", begin=T0 + 60_000)
    placed["status"]["startTime"] = moment(T0 + 650_000)
    found = inventory(pod("old", "10.0.0.5"))
    found.upsert(waiting, T0 + 60_200)
    found.remove(pod("old", "10.0.0.5"), T0 + 600_000)
    found.upsert(placed, T0 + 651_000)
    assert [owner_name(found, "10.0.0.5", T0 + at) for at in (61_000, 599_999)] == ["old", "old"]
    assert [owner_name(found, "10.0.0.5", T0 + at) for at in (620_000, 650_000)] == ["new", "new"]


def handed_over(made: int) -> Inventory:
    """An address whose owner was gone 600 ms after a whole second, and which a pod then has that was first seen at
    ``made`` (ms after that second).
    """
    new = pod("new", begin=T0 + 10_000)
    found = inventory(pod("old", "10.0.0.5"))
    found.remove(pod("old", "10.0.0.5"), T0 + 10_600)
    found.upsert(new, T0 + 10_000 + made)
    found.upsert(pod("new", "10.0.0.5", begin=T0 + 10_000), T0 + 10_000 + made + 1_500)
    return found


@pytest.mark.parametrize(("made", "begins"), [(700, 10_700), (999, 10_999), (3_000, 10_999)])
def test_an_address_that_is_handed_over_within_a_second_is_the_first_owners_until_it_is_gone(
    made: int, begins: int
) -> None:
    found = handed_over(made)
    assert [owner_name(found, "10.0.0.5", T0 + at) for at in (10_000, 10_599)] == ["old", "old"]
    assert [owner_name(found, "10.0.0.5", T0 + at) for at in (begins, 12_000)] == ["new", "new"]


def test_what_a_pod_says_in_its_first_second_is_its_own_where_nobody_had_the_address() -> None:
    found = inventory()
    found.upsert(pod("web"), T0 + 800)
    found.upsert(pod("web", "10.0.0.5"), T0 + 1_500)
    assert owner_name(found, "10.0.0.5", T0 + 100) == "web"


def test_a_pod_that_finished_no_longer_owns_its_address() -> None:
    found = inventory(pod("job", "10.0.0.5", phase="Succeeded", finished=T0 + 10_000), at=T0 + 500_000)
    assert owner_name(found, "10.0.0.5", T0 + 9_000) == "job"
    assert owner_name(found, "10.0.0.5", T0 + 60_000) == ""


def test_clocks_that_differ_a_little_are_tolerated_if_only_one_pod_is_meant() -> None:
    found = inventory(pod("web", "10.0.0.5"))
    found.observe([], T0 + 50_000)
    assert owner_name(found, "10.0.0.5", T0 - 2_000) == "web"
    assert owner_name(found, "10.0.0.5", T0 + 52_000) == "web"
    tenant = found.tenant("10.0.0.5", T0 + 52_000)
    assert tenant is not None
    assert tenant.inferred
    assert owner_name(found, "10.0.0.5", T0 + 80_000) == ""


def test_a_host_network_pod_owns_no_address() -> None:
    found = inventory(pod("proxy", "192.168.0.1", host=True, host_ip="192.168.0.1"))
    assert found.owner("192.168.0.1", T0) is None
    assert found.node_at("192.168.0.1") == "n1"


def test_both_addresses_of_a_dual_stack_pod_are_its_own_in_any_spelling() -> None:
    found = inventory(pod("web", "10.0.0.5", "2001:DB8:0::5"))
    assert owner_name(found, "10.0.0.5", T0) == owner_name(found, "2001:db8::5", T0) == "web"


def test_a_deleted_pod_that_is_watched_ends_when_it_is_gone() -> None:
    found = inventory(pod("web", "10.0.0.5"))
    gone = pod("web", "10.0.0.5")
    gone["metadata"]["deletionTimestamp"] = "2099-01-01T00:00:00Z"
    found.upsert(gone, T0 + 1_000)
    assert owner_name(found, "10.0.0.5", T0 + 20_000) == "web"
    found.remove(gone, T0 + 30_000)
    assert owner_name(found, "10.0.0.5", T0 + 29_000) == "web"
    assert owner_name(found, "10.0.0.5", T0 + 60_000) == ""


def test_a_pod_restarted_in_place_with_a_new_address_leaves_the_old_one() -> None:
    found = inventory(pod("web", "10.0.0.5"))
    found.upsert(pod("web", "10.0.0.6"), T0 + 50_000)
    assert owner_name(found, "10.0.0.5", T0 + 40_000) == "web"
    assert owner_name(found, "10.0.0.5", T0 + 90_000) == ""
    assert owner_name(found, "10.0.0.6", T0 + 90_000) == "web"


def owned(found: Inventory, uid: str) -> tuple[Workload, Selector]:
    one = found.pod(uid)
    assert one is not None
    answer = found.owned(one)
    return answer.workload, answer.selector


def test_a_deployment_is_found_through_its_replica_set() -> None:
    found = inventory(
        controller("Deployment", "web", selector={"app": "web"}),
        controller("ReplicaSet", "web-6f7d9", selector={"app": "web"} | HASH, owner=owner("Deployment", "web")),
        pod("w", "10.0.0.5", labels={"app": "web", "tier": "front"} | HASH, owner=owner("ReplicaSet", "web-6f7d9")),
    )
    assert owned(found, "uid-w") == (Workload("shop", "Deployment", "web", "apps/v1"), Selector((("app", "web"),)))


def test_a_deployment_is_inferred_when_its_replica_set_is_absent() -> None:
    found = inventory(pod("w", labels={"app": "web"} | HASH, owner=owner("ReplicaSet", "web-6f7d9")))
    assert owned(found, "uid-w") == (Workload("shop", "Deployment", "web", "apps/v1"), Selector((("app", "web"),)))


def test_a_replica_set_without_the_hash_stands_for_itself() -> None:
    found = inventory(pod("w", labels={"app": "web"}, owner=owner("ReplicaSet", "web-6f7d9")))
    assert owned(found, "uid-w")[0] == Workload("shop", "ReplicaSet", "web-6f7d9", "apps/v1")


def test_an_owner_that_comes_later_is_taken() -> None:
    labels = {"app": "web", "tier": "front"} | HASH
    found = inventory(pod("w", labels=labels, owner=owner("ReplicaSet", "web-6f7d9")))
    assert owned(found, "uid-w")[1] == Selector((("app", "web"), ("tier", "front")))
    found.upsert(
        controller("ReplicaSet", "web-6f7d9", selector={"app": "web"} | HASH, owner=owner("Deployment", "web")), T0
    )
    assert owned(found, "uid-w")[1] == Selector((("app", "web"),))


def test_a_job_of_a_cron_job_is_named_by_its_template() -> None:
    run = {"app": "backup", "job-name": "backup-1", "controller-uid": "x"}
    found = inventory(
        controller("CronJob", "backup", template={"app": "backup"}),
        controller("Job", "backup-1", template=run, owner=owner("CronJob", "backup")),
        pod("b", labels=run, owner=owner("Job", "backup-1")),
    )
    assert owned(found, "uid-b") == (Workload("shop", "CronJob", "backup", "batch/v1"), Selector((("app", "backup"),)))


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet"])
def test_other_controllers_by_their_selector(kind: str) -> None:
    labels = {"app": "db", "statefulset.kubernetes.io/pod-name": "db-0", "role": "primary"}
    found = inventory(controller(kind, "db", selector={"app": "db"}), pod("d", labels=labels, owner=owner(kind, "db")))
    assert owned(found, "uid-d") == (Workload("shop", kind, "db", "apps/v1"), Selector((("app", "db"),)))


def test_a_replication_controller_has_a_plain_selector() -> None:
    one = controller("ReplicationController", "rc")
    one["spec"]["selector"] = {"app": "rc"}
    found = inventory(one, pod("p", labels={"app": "rc", "x": "y"}, owner=owner("ReplicationController", "rc")))
    assert owned(found, "uid-p")[1] == Selector((("app", "rc"),))


def test_an_operators_own_kind_stands_at_the_top() -> None:
    rollout = owner("Rollout", "web") | {"apiVersion": "argoproj.io/v1alpha1"}
    labels = {"app": "web", "rollouts-pod-template-hash": "abc"}
    found = inventory(
        controller("ReplicaSet", "web-abc", selector=labels, owner=rollout),
        pod("w", labels=labels, owner=owner("ReplicaSet", "web-abc")),
    )
    workload = Workload("shop", "Rollout", "web", "argoproj.io/v1alpha1")
    assert owned(found, "uid-w") == (workload, Selector((("app", "web"),)))


def test_a_bare_pod_is_named_by_its_stable_labels() -> None:
    labels = {"run": "tmp", "topology.kubernetes.io/zone": "a", "helm.sh/chart": "x-1"}
    found = inventory(pod("tmp", labels=labels))
    assert owned(found, "uid-tmp") == (Workload("shop", "Pod", "tmp", "v1"), Selector((("run", "tmp"),)))


def test_a_mirror_pods_node_is_not_its_owner() -> None:
    found = inventory(pod("etcd-n1", owner=owner("Node", "n1")))
    assert owned(found, "uid-etcd-n1")[0] == Workload("shop", "Pod", "etcd-n1", "v1")


def test_owners_that_own_each_other_do_not_hang() -> None:
    found = inventory(
        controller("ReplicaSet", "a", owner=owner("ReplicaSet", "b")),
        controller("ReplicaSet", "b", owner=owner("ReplicaSet", "a")),
        pod("w", owner=owner("ReplicaSet", "a")),
    )
    assert owned(found, "uid-w")[0].kind == "ReplicaSet"


def test_lists_are_taken_apart_even_where_items_have_no_kind() -> None:
    one = pod("web", "10.0.0.5")
    del one["kind"]
    found = inventory({"kind": "List", "items": [{"kind": "PodList", "apiVersion": "v1", "items": [one]}]})
    assert owner_name(found, "10.0.0.5", T0) == "web"


def test_an_absent_field_or_kind_is_done_without() -> None:
    found = inventory({"kind": "Pod", "metadata": {"name": "x"}}, {"kind": "Wonder", "metadata": {"name": "y"}})
    assert found.owner("10.0.0.5", T0) is None


def with_value(one: Object, path: str, value: object) -> Object:
    *inner, last = path.split(".")
    place = one
    for name in inner:
        place = place[name]
    place[last] = value
    return one


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (with_value(pod("web"), "status.podIPs", "10.0.0.5"), "Pod shop/web: status.podIPs is not a list"),
        (with_value(pod("web"), "metadata.labels", {"a": 1}), "Pod shop/web: metadata.labels"),
        (with_value(pod("web"), "spec.hostNetwork", "yes"), "Pod shop/web: spec.hostNetwork"),
        (with_value(pod("web"), "status.startTime", "soon"), "Pod shop/web: status.startTime"),
        (with_value(service("s", "10.1.0.1"), "spec.ports", [{"port": 99999}]), "Service shop/s: spec.ports[0].port"),
        (with_value(node("n", "10.9.0.1"), "status.addresses", 5), "Node n: status.addresses"),
        (pod("p", owner=owner("Deployment", "")), "Pod shop/p: metadata.ownerReferences[0].name is not set"),
        (
            pod("p", owner=owner("Deployment", "n" * 5000)),
            "ownerReferences[0].name is not a name of at most 253 characters",
        ),
        (pod("p", owner=owner("", "web")), "Pod shop/p: metadata.ownerReferences[0].kind is not set"),
        (controller("D" * 300, "web"), "kind is not a name"),
        (controller("Deployment", "n" * 300), "metadata.name is not a name"),
        ({"kind": "Pod"}, "name"),
        ({"kind": 5}, "kind"),
        ("text", "no Kubernetes object"),
        ({"kind": "List", "items": 5}, "items"),
    ],
)
def test_a_wrong_shape_is_named(one: Any, text: str) -> None:
    with pytest.raises(InputError) as caught:
        inventory(one)
    assert text in caught.value.message


FIELDS = """metadata spec status name namespace labels podIPs ip ports port endpoints addresses selector matchLabels
matchExpressions template ownerReferences clusterIPs podCIDRs targetRef conditions"""

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.sampled_from(["Pod", "Service", "EndpointSlice", "Node", "Deployment", "CronJob", "Rollout"]), junk, junk, junk
)
def test_whatever_comes_is_read_or_refused(kind: str, spec: object, status: object, ports: object) -> None:
    one = {"kind": kind, "metadata": {"name": "x"}, "spec": spec, "status": status, "ports": ports, "endpoints": ports}
    found = Inventory()
    try:
        found.observe([one], T0)  # type: ignore[list-item]
    except InputError as error:
        assert "x" in error.message
    found.owner("10.0.0.5", T0)
    found.is_inside("10.0.0.5")


def test_the_addresses_that_a_cilium_node_tells_are_the_nodes() -> None:
    inventory = Inventory()
    spec = {
        "addresses": [{"ip": "192.168.0.1", "type": "InternalIP"}, {"ip": "10.0.1.108", "type": "CiliumInternalIP"}],
        "health": {"ipv4": "10.0.1.9"},
    }
    one = {"apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": "n1"}, "spec": spec}
    inventory.observe([one], T0)
    assert [inventory.node_at(address) for address in ("192.168.0.1", "10.0.1.108", "10.0.1.9", "10.0.1.1")] == [
        "n1",
        "n1",
        "n1",
        "",
    ]
