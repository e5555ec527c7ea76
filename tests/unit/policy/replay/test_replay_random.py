"""Random recordings and policies: against the evaluator where all is known, and against every world where it is not."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Requirement,
    Selector,
    Workload,
)
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import (
    AddressEnd,
    Flow,
    NetworkPolicy,
    PodEnd,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Reason,
)
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.replay.ends import World
from kubectl_netpol.policy.replay.replay import replay

from .making import NAME, in_namespace

NAMESPACES = ("a", "b")
KEYS, VALUES = ("app", "tier"), ("x", "y", "z")
PORTS = (80, 443, 8080)
OUTSIDE = ("203.0.113.1", "203.0.113.2", "2001:db8::1")
PROTOCOLS = (Protocol.TCP, Protocol.UDP)

requirements = st.one_of(
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from(("Exists", "DoesNotExist"))),
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn")),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True).map(lambda one: tuple(sorted(one))),
    ),
)
tables = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2).map(
    lambda one: tuple(sorted(one.items()))
)
selectors = st.builds(Selector, tables, st.lists(requirements, max_size=1).map(tuple))
namespace_selectors = st.one_of(
    st.sampled_from(NAMESPACES).map(in_namespace),
    st.just(Selector()),
    st.builds(Selector, st.sampled_from([(("team", "red"),), (("team", "blue"),)])),
)
blocks = st.sampled_from(
    [
        PolicyPeer(cidr="203.0.113.1/32"),
        PolicyPeer(cidr="203.0.113.0/24", excepted=("203.0.113.2/32",)),
        PolicyPeer(cidr="0.0.0.0/0"),
        PolicyPeer(cidr="::/0"),
        PolicyPeer(cidr="10.0.0.0/8"),
        PolicyPeer(cidr="10.0.0.0/30"),
    ]
)
selected = st.builds(PolicyPeer, st.none() | selectors, st.none() | namespace_selectors).filter(
    lambda one: one.pods is not None or one.namespaces is not None
)
policy_ports = st.one_of(
    st.builds(lambda kind, port: PolicyPort(kind, port, port), st.sampled_from(PROTOCOLS), st.sampled_from(PORTS)),
    st.builds(PolicyPort, st.sampled_from(PROTOCOLS)),
    st.builds(lambda kind: PolicyPort(kind, 400, 9000), st.sampled_from(PROTOCOLS)),
    st.builds(lambda kind: PolicyPort(kind, name="web"), st.sampled_from(PROTOCOLS)),
)
rules = st.builds(
    PolicyRule,
    st.lists(selected | blocks, max_size=3).map(tuple),
    st.lists(policy_ports, max_size=2).map(tuple),
)
isolations = st.none() | st.lists(rules, max_size=2).map(tuple)
policies = st.lists(
    st.builds(NetworkPolicy, st.sampled_from(NAMESPACES), st.just("p"), selectors, isolations, isolations), max_size=4
)


@st.composite
def worlds(draw):
    """Some workloads, each with its pods as they really are, and recordings of some of what they do."""
    teams = {name: ((NAME, name), ("team", draw(st.sampled_from(("red", "blue"))))) for name in NAMESPACES}
    living = {}
    for number in range(draw(st.integers(2, 4))):
        space = draw(st.sampled_from(NAMESPACES))
        workload = Workload(space, "Deployment", f"w{number}", "apps/v1")
        shared = dict(draw(tables))
        ports = draw(st.sampled_from([(), (("web", Protocol.TCP, 80),), (("web", Protocol.UDP, 443),)]))
        ip = draw(st.sampled_from([(f"10.0.0.{number}",), (f"10.9.0.{number}", f"fd00::{number}")]))
        own = [tuple(sorted((shared | dict(draw(tables))).items())) for _ in range(draw(st.integers(1, 2)))]
        living[workload] = tuple(
            PodEnd(space, f"w{number}-{place}", labels, teams[space], ip, "", False, ports)
            for place, labels in enumerate(own)
        )
    return teams, living, draw(accounts_of(living))


def shared_labels(pods):
    return tuple(sorted(set.intersection(*(set(one.labels) for one in pods))))


@st.composite
def accounts_of(draw, living):
    found = []
    for workload, pods in living.items():
        if not draw(st.integers(0, 3)):
            continue  # it was not recorded, and others' recordings name it
        shared = shared_labels(pods)
        chosen = Selector(tuple(pair for pair in shared if draw(st.booleans())))
        told = draw(st.sampled_from(pods)).labels if draw(st.booleans()) else ()
        differing = frozenset(key for one in pods for key, _ in set(one.labels) - set(shared))
        keys = draw(st.lists(keys_of(living, workload), max_size=4, unique=True))
        rows = tuple(Neighbor(key, Counts(1, draw(st.integers(0, 1)), 0, 1, 2)) for key in keys)
        found.append(NetworkNeighbors(workload, chosen, rows, labels=told, differing=differing))
    return found


def peers_of(living, workload):
    others = [
        Peer(
            PeerKind.WORKLOAD,
            one.full_path,
            Selector(shared_labels(pods)[:1]),
            None if one.namespace == workload.namespace else in_namespace(one.namespace),
        )
        for one, pods in living.items()
        if one != workload
    ]
    return st.sampled_from([*others, *(Peer(PeerKind.EXTERNAL, address=text) for text in OUTSIDE)])


def keys_of(living, workload):
    ports = st.builds(Port, st.sampled_from(PROTOCOLS), st.sampled_from(PORTS))
    return st.builds(NeighborKey, st.sampled_from(Direction), peers_of(living, workload), ports)


def known(teams, living):
    return World(teams, {workload.full_path: pods for workload, pods in living.items()})


def real_flows(living, workload, key):
    """The flow as it really may be: of any of the pods at either end."""
    by_path = {one.full_path: pods for one, pods in living.items()}
    peers = (AddressEnd(key.peer.address),) if key.peer.address else by_path[key.peer.name]
    pairs = [(own, peer) for own in living[workload] for peer in peers]
    return [Flow(*(ends if key.direction is Direction.EGRESS else ends[::-1]), key.port) for ends in pairs]


def ambiguous(flows, policies):
    """Whether several addresses of pods meet blocks: which of them was used is in no recording."""
    ends = {end for flow in flows for end in (flow.source, flow.destination) if isinstance(end, PodEnd)}
    has_blocks = any(
        peer.cidr for one in policies for way in Direction for rule in one.rules(way) or () for peer in rule.peers
    )
    several = Counter((end.namespace, end.name.partition("-")[0]) for end in ends)
    return has_blocks and (any(len(end.addresses) > 1 for end in ends) or max(several.values(), default=0) > 1)


def sides(flow, policies):
    verdict = Evaluator(policies).judge(flow)
    return {side.direction: side for side in (verdict.egress, verdict.ingress)}


def denied(flows, policies):
    """By direction, of each of the flows whether it is denied there."""
    judged = [sides(flow, policies) for flow in flows]
    return {way: [one[way].reason is Reason.NO_RULE for one in judged] for way in Direction}


def told(one):
    return {(item.workload, item.neighbor.key, item.side.direction) for item in one.broken}


def open_questions(one):
    return {(item.workload, item.neighbor.key, item.direction) for item in one.unjudged}


@given(worlds(), policies)
@settings(max_examples=120, deadline=None)
def test_where_all_is_known_a_replay_says_what_the_evaluator_says(world, policies):
    teams, living, accounts = world
    for one in accounts:  # one at a time, so that each of its flows is told there, at both ends
        found = replay(accounts, policies, known(teams, living), only={one.workload})
        for row in one.answered:
            flows = real_flows(living, one.workload, row.key)
            if ambiguous(flows, policies):
                continue
            for direction, answers in denied(flows, policies).items():
                place = (one.workload, row.key, direction)
                assert (place in told(found)) == any(answers), (place, answers)
                assert place not in open_questions(found)


@st.composite
def locks(draw, world):
    """A policy that admits nothing to some of the pods, by what one of them has or lacks."""
    pod = draw(st.sampled_from([one for pods in world[1].values() for one in pods]))
    key = draw(st.sampled_from(KEYS))
    value = dict(pod.labels).get(key)
    asked = Requirement(key, "In", (value,)) if value else Requirement(key, "DoesNotExist")
    return NetworkPolicy(pod.namespace, "lock", Selector((), (asked,)), (), ())


@given(worlds().flatmap(lambda world: st.tuples(st.just(world), st.lists(locks(world), min_size=1, max_size=2))))
@settings(max_examples=100, deadline=None)
def test_what_is_told_of_policies_on_some_of_the_pods_holds_in_the_world_as_it_is(found):
    check_offline(*found)


@given(worlds(), policies)
@settings(max_examples=150, deadline=None)
def test_what_is_told_offline_holds_in_the_world_as_it_is(world, policies):
    check_offline(world, policies)


def check_offline(world, policies):
    _, living, accounts = world
    for one in accounts:
        found = replay(accounts, policies, only={one.workload})
        for row in one.answered:
            for direction, answers in denied(real_flows(living, one.workload, row.key), policies).items():
                place = (one.workload, row.key, direction)
                if place not in open_questions(found):
                    assert set(answers) == {place in told(found)}, (place, answers)


@st.composite
def recordings(draw):
    """Accounts of workloads that all know each other's flows, as a recording of a whole cluster has them."""
    workloads = [Workload(draw(st.sampled_from(NAMESPACES)), "Deployment", f"w{n}", "apps/v1") for n in range(4)]
    chosen = {one: Selector((("app", one.name),)) for one in workloads}
    ways = st.tuples(st.sampled_from(workloads), st.sampled_from(workloads), st.sampled_from(PORTS), st.booleans())
    rows = {one: {} for one in workloads}
    for source, target, port, is_answered in draw(st.lists(ways, max_size=8)):
        counts = Counts(1, int(is_answered), 0, 1, 2)
        rows[source][peer_key(Direction.EGRESS, source, target, chosen, port)] = counts
        rows[target][peer_key(Direction.INGRESS, target, source, chosen, port)] = counts
    for one, text in draw(st.lists(st.tuples(st.sampled_from(workloads), st.sampled_from(OUTSIDE)), max_size=4)):
        key = NeighborKey(
            draw(st.sampled_from(Direction)), Peer(PeerKind.EXTERNAL, address=text), Port(Protocol.TCP, 9)
        )
        rows[one][key] = Counts(1, 1, 0, 1, 2)
    more = draw(st.sampled_from([(), (("tier", "x"),)]))
    return [
        NetworkNeighbors(
            one,
            chosen[one],
            tuple(Neighbor(*row) for row in rows[one].items()),
            labels=chosen[one].match_labels + more if more else (),
        )
        for one in workloads
    ]


def peer_key(direction, own, other, chosen, port):
    elsewhere = None if other.namespace == own.namespace else in_namespace(other.namespace)
    peer = Peer(PeerKind.WORKLOAD, other.full_path, chosen[other], elsewhere)
    return NeighborKey(direction, peer, Port(Protocol.TCP, port))


@given(recordings(), st.sampled_from([(), tuple(Direction)]))
@settings(max_examples=100, deadline=None)
def test_generated_policies_never_break_what_they_were_generated_from(accounts, directions):
    written = [read_policy(policy.document) for policy in generate(accounts, Options(directions)).policies]
    found = replay(accounts, written)
    assert (found.broken, found.unjudged) == ((), ())
    assert found.judged == sum(len(one.answered) for one in accounts)
    for policy in written:  # and each rule was needed
        closed = replace(policy, ingress=policy.ingress and (), egress=policy.egress and ())
        rules_ = (policy.ingress or ()) + (policy.egress or ())
        assert bool(rules_) == bool(replay(accounts, [one if one is not policy else closed for one in written]).broken)
