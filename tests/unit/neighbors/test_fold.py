"""Wire records to recordings: the same in any order, right on each side of every change."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.model import Counts, Direction, Mark, Neighbor, PeerKind, Protocol, Workload
from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import Recording, summarise
from kubectl_netpol.wire import FlowsRecord, Marks, Namespace, Record, StatusRecord

from .cluster import T0, Object, endpoint, endpoint_slice, node, pod, service

WEB = Workload("shop", "Pod", "web")
API = Workload("shop", "Pod", "api")
PODS = (pod("web", "10.0.0.1"), pod("api", "10.0.0.2", node="n2"))
HOUR = 3_600_000

Flows = dict[str, Any]


def inventory(*objects: Object) -> Inventory:
    found = Inventory()
    found.observe(objects or PODS, T0)
    return found


def said(seq: int, flows: Flows, at: int = 1000, **more: Any) -> FlowsRecord:
    """``at`` in ms after T0; ``more``: epoch, pod, address, gone, names."""
    place = Namespace(
        more.get("id", "1"), more.get("pod", "uid-web"), (more.get("address", "10.0.0.1"),), more.get("gone", False)
    )
    return FlowsRecord(more.get("epoch", "e1"), seq, T0 + at, place, flows, more.get("names", {}))


def status(seq: int, at: int = 1000, **more: Any) -> StatusRecord:
    return StatusRecord(
        more.get("epoch", "e1"),
        seq,
        T0 + at,
        T0 + more.get("since", 0),
        "n1",
        losses=more.get("losses", {}),
        problems=more.get("problems", ()),
    )


def value(
    attempts: int, answered: int, refused: int = 0, first: int = 100, last: int = 900, marks: int = 0
) -> list[int]:
    return [attempts, answered, refused, T0 + first, T0 + last, marks]


def fold(records: Sequence[Record], found: Inventory, known: bool = True) -> dict[Workload, Recording]:
    whole = Fold(found, is_complete=True) if known else Fold()
    for record in records:
        whole.add(record)
    return whole.recordings(found)


def neighbors(recordings: dict[Workload, Recording], workload: Workload = WEB) -> tuple[Neighbor, ...]:
    return summarise(recordings[workload]).neighbors


def short(
    recordings: dict[Workload, Recording], workload: Workload = WEB
) -> dict[tuple[str, int], tuple[int, int, int]]:
    """Attempts, answered and refused by the peer's name or address and port."""
    return {
        (one.key.peer.name or one.key.peer.address, one.key.port.port): (
            one.counts.attempts,
            one.counts.answered,
            one.counts.refused,
        )
        for one in neighbors(recordings, workload)
    }


def test_a_flow_becomes_a_neighbor_of_its_workload() -> None:
    (one,) = neighbors(fold([said(1, {"out tcp 10.0.0.1 10.0.0.2 8080": value(3, 2, 1)})], inventory()))
    assert one.key.direction is Direction.EGRESS
    assert one.key.peer.name == "shop/pod/api"
    assert one.counts == Counts(3, 2, 1, T0 + 100, T0 + 900)


def test_counters_are_cumulative_within_an_epoch_and_add_up_over_epochs() -> None:
    key = "out tcp 10.0.0.1 10.0.0.2 8080"
    records = [
        said(1, {key: value(3, 3)}),
        said(2, {key: value(5, 4, last=1900)}, 2000),
        said(1, {key: value(2, 2)}, epoch="e2"),
    ]
    assert short(fold(records, inventory())) == {("shop/pod/api", 8080): (7, 6, 0)}


def twin_records() -> list[FlowsRecord]:
    return [
        said(index, {f"out tcp 10.0.1.{index} 192.0.2.1 443": value(2, 2)}, id=str(index), pod=f"uid-w{index}")
        for index in (1, 2)
    ]


def test_labels_in_which_a_workloads_pods_differ_are_told() -> None:
    from .cluster import owner

    roles = [{"app": "db", "role": role, "pod-template-hash": role} for role in ("master", "replica")]
    pods = [
        pod(f"w{index}", f"10.0.1.{index}", labels=labels, owner=owner("StatefulSet", "db"))
        for index, labels in enumerate(roles, 1)
    ]
    (found,) = fold(twin_records(), inventory(*pods)).values()
    assert (found.labels, found.differing) == ((("app", "db"), ("role", "replica")), {"role"})
    (found,) = fold(twin_records()[:1], inventory(*pods)).values()
    assert found.differing == frozenset()


def test_two_pods_of_a_workload_are_summed() -> None:
    from .cluster import owner

    twins = [
        pod(f"w{index}", f"10.0.1.{index}", labels={"app": "w"}, owner=owner("Deployment", "w")) for index in (1, 2)
    ]
    records = twin_records()
    found = fold(records, inventory(*twins))
    assert list(found) == [Workload("shop", "Deployment", "w", "apps/v1")]
    assert short(found, next(iter(found))) == {("192.0.2.1", 443): (4, 4, 0)}


def reuse_records() -> list[Record]:
    """Web calls 10.0.0.9 all the time: 4 times until 2000 s, 6 times after."""
    key = "out tcp 10.0.0.1 10.0.0.9 80"
    return [
        said(index, {key: value(index, index, first=0, last=index * 250_000)}, index * 250_000)
        for index in range(1, 11)
    ]


def reuse_inventory() -> Inventory:
    found = Inventory()
    found.observe([PODS[0], pod("old", "10.0.0.9")], T0)
    found.observe([PODS[0], pod("new", "10.0.0.9", begin=T0 + 1_100_000)], T0 + 1_150_000)
    return found


@pytest.mark.parametrize("known", [True, False])
def test_an_address_that_changes_hands_counts_for_each_owner_in_its_time(known: bool) -> None:
    found = short(fold(reuse_records(), reuse_inventory(), known))
    assert found == {("shop/pod/old", 80): (4, 4, 0), ("shop/pod/new", 80): (6, 6, 0)}


def test_a_change_that_is_told_late_still_divides_the_counts() -> None:
    found = inventory(PODS[0], pod("old", "10.0.0.9"))
    whole = Fold(found)
    key = "out tcp 10.0.0.1 10.0.0.9 80"
    for second in range(1, 21):
        whole.add(said(second, {key: value(second, second, first=0, last=second * 1000 - 500)}, second * 1000))
        if second == 12:  # the new pod began at 10 s and the watch tells it two seconds later
            found.remove(pod("old", "10.0.0.9"), T0 + 10_000)
            found.upsert(pod("new", "10.0.0.9", begin=T0 + 10_000), T0 + 12_000)
        whole.recordings(found)
    assert short(whole.recordings(found)) == {("shop/pod/old", 80): (10, 10, 0), ("shop/pod/new", 80): (10, 10, 0)}


def test_a_peer_that_died_keeps_what_it_answered() -> None:
    found = inventory(PODS[0], pod("old", "10.0.0.9"))
    found.observe([PODS[0], node("n1", ranges=["10.0.0.0/24"])], T0 + 100_000)
    key = "out tcp 10.0.0.1 10.0.0.9 80"
    records = [said(1, {key: value(3, 3, last=90_000)}, 90_000), said(2, {key: value(8, 3, last=400_000)}, 400_000)]
    assert short(fold(records, found)) == {("shop/pod/old", 80): (3, 3, 0), ("10.0.0.9", 80): (5, 0, 0)}


def test_a_local_address_that_changes_hands_belongs_to_each_pod_in_its_time() -> None:
    found = Inventory()
    found.observe([pod("old", "10.0.0.1")], T0)
    found.observe([pod("web", "10.0.0.1", begin=T0 + 500_000)], T0 + 600_000)
    records = [
        said(1, {"out tcp 10.0.0.1 192.0.2.1 443": value(1, 1)}, pod="", id="1"),
        said(2, {"out tcp 10.0.0.1 192.0.2.2 443": value(1, 1, last=700_000)}, 700_000, pod="", id="2"),
    ]
    recordings = fold(records, found)
    assert short(recordings, Workload("shop", "Pod", "old")) == {("192.0.2.1", 443): (1, 1, 0)}
    assert short(recordings, WEB) == {("192.0.2.2", 443): (1, 1, 0)}


def test_a_namespace_whose_pod_is_learned_later_counts_once() -> None:
    key = "out tcp 10.0.0.1 192.0.2.1 443"
    records = [said(1, {key: value(3, 3)}, pod=""), said(2, {key: value(5, 5)}, 2000)]
    assert short(fold(records, inventory())) == {("192.0.2.1", 443): (5, 5, 0)}


def test_the_cluster_address_and_the_backend_are_one_neighbor() -> None:
    objects = [*PODS, service("api", "10.1.0.1", selector={"app": "api"})]
    objects.append(endpoint_slice("s", "api", endpoint("10.0.0.2", "api")))
    flows = {"out tcp 10.0.0.1 10.1.0.1 80": value(2, 2), "out tcp 10.0.0.1 10.0.0.2 8080": value(3, 3)}
    assert short(fold([said(1, flows)], inventory(*objects))) == {("shop/pod/api", 8080): (5, 5, 0)}


def test_marks_and_names_come_along() -> None:
    flows = {
        "out tcp 10.0.0.1 142.250.1.104 443": value(1, 1, marks=int(Marks.EXISTING | Marks.SECONDARY_INTERFACE)),
        "in tcp 10.0.0.1 142.250.1.104 80": value(1, 1),
        "out tcp 10.0.0.1 10.0.0.2 80": value(1, 1),
    }
    names = {"142.250.1.104": {"b.example.": T0 + 1, "a.example.": T0 + 5}, "10.0.0.2": {"api.": T0}}
    outgoing, inside, incoming = sorted(
        neighbors(fold([said(1, flows, names=names)], inventory())),
        key=lambda one: (one.key.direction, one.key.peer.kind),
    )
    assert outgoing.counts.names == ("a.example.", "b.example.")
    assert outgoing.counts.marks == {Mark.EXISTING, Mark.SECONDARY_INTERFACE}
    assert inside.counts.names == incoming.counts.names == ()


def test_names_belong_to_the_pod_that_asked() -> None:
    records: list[Record] = [
        said(1, {"out tcp 10.0.0.1 192.0.2.1 443": value(1, 1)}, names={"192.0.2.1": {"mine.": T0}}),
        said(2, {"out tcp 10.0.0.2 192.0.2.1 443": value(1, 1)}, pod="uid-api", id="2", address="10.0.0.2"),
    ]
    recordings = fold(records, inventory())
    assert [one.counts.names for one in neighbors(recordings, WEB)] == [("mine.",)]
    assert [one.counts.names for one in neighbors(recordings, API)] == [()]


def test_loopback_own_and_host_network_flows_make_no_neighbors() -> None:
    flows = {"out tcp 127.0.0.1 127.0.0.1 80": value(1, 1), "out tcp 10.0.0.1 10.0.0.1 80": value(1, 1)}
    assert short(fold([said(1, flows)], inventory())) == {}
    host = pod("proxy", "192.168.0.1", host=True)
    records = [said(1, {"out tcp 192.168.0.1 192.0.2.1 80": value(1, 1)}, pod="uid-proxy", address="192.168.0.1")]
    assert fold(records, inventory(host)) == {}


def test_a_captured_address_without_an_owner_is_counted() -> None:
    whole, found = Fold(), inventory()
    whole.add(said(1, {"out tcp 10.9.9.9 192.0.2.1 443": value(1, 1)}, pod="", address="10.9.9.9"))
    assert whole.recordings(found) == {}
    assert whole.account().unattributed == ("10.9.9.9",)


def test_icmp_is_a_neighbor_without_a_port() -> None:
    (one,) = neighbors(fold([said(1, {"out icmp 10.0.0.1 192.0.2.1 0": value(2, 2)})], inventory()))
    assert (one.key.port.protocol, one.key.port.port) == (Protocol.ICMP, 0)


def test_an_unknown_peer_is_kept_and_counted() -> None:
    found = inventory(*PODS, node("n1", "192.168.0.1", ranges=["10.0.0.0/24"]))
    whole = Fold(found)
    whole.add(said(1, {"out tcp 10.0.0.1 10.0.0.99 80": value(1, 0)}))
    (one,) = neighbors(whole.recordings(found))
    assert one.key.peer.kind is PeerKind.UNKNOWN
    assert whole.account().unknown_peers == ("10.0.0.99",)


STATSD = "out udp 10.0.0.1 10.0.0.2 8125"


def one_way(recordings: dict[Workload, Recording], workload: Workload = WEB) -> tuple[int, bool]:
    (one,) = neighbors(recordings, workload)
    return one.counts.answered, Mark.ONE_WAY in one.counts.marks


def test_udp_without_replies_is_one_way_and_answered() -> None:
    assert one_way(fold([said(1, {STATSD: value(4, 0)})], inventory())) == (4, True)
    assert one_way(fold([said(1, {STATSD: value(4, 1)})], inventory())) == (1, False)
    assert one_way(fold([said(1, {STATSD: value(4, 0, 4)})], inventory())) == (0, False)
    assert one_way(fold([said(1, {STATSD: value(4, 0, 1)})], inventory())) == (3, True)


def test_dns_and_tcp_need_their_reply() -> None:
    assert one_way(fold([said(1, {"out udp 10.0.0.1 10.0.0.2 53": value(4, 0)})], inventory())) == (0, False)
    assert one_way(fold([said(1, {"out tcp 10.0.0.1 10.0.0.2 80": value(4, 0)})], inventory())) == (0, False)


def receiver(flows: Flows, seq: int = 2, at: int = 1000) -> FlowsRecord:
    return said(seq, flows, at, pod="uid-api", id="2", address="10.0.0.2")


@pytest.mark.parametrize("sender", ["10.0.0.1", "192.168.0.1"], ids=["itself", "masqueraded"])
def test_one_way_to_a_captured_pod_counts_when_that_pod_heard_it(sender: str) -> None:
    heard = receiver({f"in udp 10.0.0.2 {sender} 8125": value(4, 0)})
    found = inventory(*PODS, node("n1", "192.168.0.1"))
    recordings = fold([said(1, {STATSD: value(4, 0)}), heard, status(3)], found)
    assert one_way(recordings) == (4, True)
    assert one_way(recordings, API) == (4, True)


@pytest.mark.parametrize("other", [{}, {"in udp 10.0.0.2 10.0.0.1 9": [1, 0, 0, T0, T0, 0]}])
def test_one_way_to_a_captured_pod_that_heard_nothing_is_unanswered(other: Flows) -> None:
    recordings = fold([said(1, {STATSD: value(4, 0)}), receiver(other, 0, 10), status(3)], inventory())
    (one,) = neighbors(recordings)
    assert not one.is_answered
    assert Mark.UNHEARD in one.counts.marks


def test_one_way_to_a_service_is_judged_by_all_its_backends() -> None:
    ports = [{"port": 8125, "targetPort": 8125, "protocol": "UDP"}]
    objects = [*PODS, pod("api2", "10.0.0.3", labels={"app": "api"})]
    objects.append(service("api", "10.1.0.1", selector={"app": "api"}, ports=ports))
    flows = {"out udp 10.0.0.1 10.1.0.1 8125": value(4, 0)}
    records: list[Record] = [said(1, flows), receiver({}, 0, 10), status(9)]
    assert {one.is_answered for one in neighbors(fold(records, inventory(*objects)))} == {True}
    records.append(said(2, {}, 10, pod="uid-api2", id="3", address="10.0.0.3"))
    assert {one.is_answered for one in neighbors(fold(records, inventory(*objects)))} == {False}
    records.append(
        said(4, {"in udp 10.0.0.3 10.0.0.1 8125": value(4, 0)}, 20, pod="uid-api2", id="3", address="10.0.0.3")
    )
    assert {one.is_answered for one in neighbors(fold(records, inventory(*objects)))} == {True}


def test_what_a_receiver_heard_before_it_was_captured_is_not_held_against_a_flow() -> None:
    late = said(5, {}, 50_000, pod="uid-api", id="2", address="10.0.0.2", epoch="late")
    recordings = fold(
        [said(1, {STATSD: value(4, 0)}), late, status(6, 50_000, epoch="late", since=49_000)], inventory()
    )
    assert one_way(recordings) == (4, True)


def test_malformed_entries_are_counted_and_hide_nothing() -> None:
    good = "out tcp 10.0.0.1 192.0.2.1 443"
    bad: Flows = {
        good: [9, -1, 0, 0, 0, 0],
        "out tcp 10.0.0.1 192.0.2.2 443": [1, 2],
        "out tcp 10.0.0.1 192.0.2.3 443": [True, 1, 0, 1, 1, 0],
        "out tcp 10.0.0.1 192.0.2.4 443": [1 << 63, 1, 0, 1, 1, 0],
        "out tcp 10.0.0.1 192.0.2.5 443": "abcdef",
        "out tcp 10.0.0.1 192.0.2.6 443": None,
        "out tcp 10.0.0.1 192.0.2.7 443": [1.0, 1, 0, 1, 1, 0],
        "out tcp nonsense 192.0.2.1 443": value(1, 1),
        "out tcp 10.0.0.1 192.0.2.1 99999": value(1, 1),
        "out tcp 10.0.0.1 192.0.2.1 0": value(1, 1),
        "out tcp 10.0.0.1 192.0.2.1": value(1, 1),
        "up tcp 10.0.0.1 192.0.2.1 80": value(1, 1),
        "out gre 10.0.0.1 192.0.2.1 80": value(1, 1),
        "out tcp 10.0.0.1 fe80::1%eth0 80": value(1, 1),
        "out tcp 10.0.0.1 192.0.2.1 ٣": value(1, 1),
    }
    whole, found = Fold(), inventory()
    whole.add(said(1, {good: value(3, 3)}))
    whole.add(said(2, bad, 2000))
    assert short(whole.recordings(found)) == {("192.0.2.1", 443): (3, 3, 0)}
    assert whole.account().malformed == len(bad)


@pytest.mark.parametrize("is_complete", [True, False])
def test_counters_that_go_backwards_are_counted_and_ignored(is_complete: bool) -> None:
    key = "out tcp 10.0.0.1 192.0.2.1 443"
    found = inventory()
    whole = Fold(found if is_complete else None, is_complete)
    for seq, attempts in ((1, 5), (2, 3), (3, 6)):
        whole.add(said(seq, {key: value(attempts, attempts)}, seq * 1000))
    assert short(whole.recordings(found)) == {("192.0.2.1", 443): (6, 6, 0)}
    assert whole.account().backwards == 1


def test_windows_tell_when_a_workload_was_heard_and_what_was_lost() -> None:
    records: list[Record] = [
        said(1, {}, 5000),
        status(2, 9000, since=3000, losses={"dns_lost": 4}, problems=("a map was full",)),
        status(3, 8000, since=3000, losses={"dns_lost": 2, "something_else": 9}),
    ]
    whole, found = Fold(), inventory()
    for record in records:
        whole.add(record)
    (window,) = whole.recordings(found)[WEB].windows.values()
    assert (window.first, window.last, window.node) == (T0 + 3000, T0 + 9000, "n1")
    assert window.losses == (("dns_lost", 4),)
    assert whole.account().losses == (("dns_lost", 4),)
    assert whole.account().problems == ("a map was full",)


def test_a_window_ends_when_the_namespace_is_gone() -> None:
    records = [said(1, {}, 1000), said(2, {}, 4000, gone=True), said(3, {}, 9000, gone=True), status(4, 20_000)]
    (window,) = fold(records, inventory())[WEB].windows.values()
    assert window.last == T0 + 4000


def test_records_that_never_came_are_counted() -> None:
    whole = Fold()
    for seq in (1, 2, 5, 5):
        whole.add(said(seq, {}))
    account = whole.account()
    assert (account.records, account.missing, account.duplicates) == (4, 2, 1)


def test_asking_in_between_changes_nothing() -> None:
    found = reuse_inventory()
    whole = Fold(found)
    for record in reuse_records():
        whole.add(record)
        whole.recordings(found)
    assert whole.recordings(found) == fold(reuse_records(), found)


def world(seed: int) -> list[Record]:
    """A random but truthful stream: counters only grow, some entries are repeated, some records are resends."""
    chance = random.Random(seed)
    keys = [
        f"{role} {protocol} 10.0.0.{local} {peer} {port}"
        for role in ("in", "out")
        for protocol in ("tcp", "udp")
        for local, peer in ((1, "10.0.0.2"), (2, "10.0.0.1"), (1, "10.0.0.9"), (1, "192.0.2.1"), (2, "10.1.0.1"))
        for port in (53, 80)
    ]
    counters: dict[str, list[int]] = {}
    records: list[Record] = []
    for seq in range(chance.randrange(2, 30)):
        at = seq * chance.choice([100, 1000, 60_000, 200_000])
        local = chance.choice([1, 2])
        mine = [key for key in keys if f" 10.0.0.{local} " in key[:20]]
        for key in chance.sample(mine, chance.randrange(len(mine))):
            old = counters.get(key, [0, 0, 0, T0 + at, T0 + at, 0])
            grown = [count + chance.choice([0, 1, 5]) for count in old[:3]]
            counters[key] = [*grown, old[3], max(old[4], T0 + at), old[5] | chance.choice([0, 0, 1])]
        flows = {key: counters[key] for key in mine if key in counters and chance.random() < 0.7}
        name = "web" if local == 1 else "api"
        uid = chance.choice([f"uid-{name}", ""])
        names = {"192.0.2.1": {chance.choice(["a.", "b."]): T0 + at}}
        records.append(said(2 * seq, flows, at, pod=uid, id=str(local), address=f"10.0.0.{local}", names=names))
        records.append(status(2 * seq + 1, at, losses={"dns_lost": seq}))
    return records


def world_inventory() -> Inventory:
    found = Inventory()
    api = service("api", "10.1.0.1", selector={"app": "api"}, ports=[{"port": 80, "targetPort": 8080}])
    found.observe([*PODS, api, pod("old", "10.0.0.9")], T0)
    found.observe([*PODS, api, pod("new", "10.0.0.9", begin=T0 + 500_000)], T0 + 510_000)
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_repetition_gives_the_same(seed: int, chance: random.Random, known: bool) -> None:
    found = world_inventory()
    records = world(seed)
    expected = fold(records, found, known)
    shuffled = records + chance.choices(records, k=len(records) // 2)
    chance.shuffle(shuffled)
    assert fold(shuffled, found, known) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=12) | st.sampled_from(["out tcp 10.0.0.1 10.0.0.2 80", "in icmp :: ::1 0"]),
        st.lists(st.integers() | st.booleans() | st.none() | st.text(max_size=2), max_size=7)
        | st.integers()
        | st.text(),
        max_size=4,
    )
)
def test_no_flows_table_breaks_the_fold(flows: Flows) -> None:
    whole, found = Fold(), inventory()
    whole.add(said(1, flows))
    whole.recordings(found)
    assert whole.account().entries == len(flows)
