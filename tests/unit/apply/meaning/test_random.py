"""Random pairs of policies: what is told of them, against the evaluator's verdicts on every kind of flow."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.apply.meaning.compare import compare
from kubectl_netpol.model import Direction, Port, Protocol, Selector
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import AddressEnd, Flow, NetworkPolicy, PodEnd, PolicyRule

APP = Selector((("app", "web"),))


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


SELECTORS = st.sampled_from(
    [
        {},
        {"matchLabels": {"a": "1"}},
        {"matchLabels": {"b": "1"}},
        {"matchLabels": {"a": "1", "b": "1"}},
        {"matchLabels": {"a": "1"}} | expression("a", "NotIn", "1"),
        expression("a", "In", "1", "2"),
        expression("a", "In", "2"),
        expression("a", "NotIn", "1"),
        expression("a", "Exists"),
        expression("a", "DoesNotExist"),
    ]
)
NAMESPACES = st.sampled_from(
    [
        {},
        {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
        {"matchLabels": {"n": "1"}},
        expression("n", "NotIn", "1"),
        expression("n", "Exists"),
    ]
)
BLOCKS = st.sampled_from(
    [
        ("0.0.0.0/0", []),
        ("0.0.0.0/1", []),
        ("128.0.0.0/1", []),
        ("::/0", []),
        ("10.0.0.0/30", []),
        ("10.0.0.0/31", []),
        ("10.0.0.2/31", []),
        ("10.0.0.1/32", []),
        ("10.0.0.0/30", ["10.0.0.1/32"]),
        ("10.0.0.0/30", ["10.0.0.1/32", "10.0.0.2/32"]),
        ("10.0.0.0/30", ["10.0.0.2/32", "10.0.0.1/32"]),
        ("10.0.0.0/30", ["10.0.0.0/31", "10.0.0.2/31"]),
    ]
)
PEERS = st.one_of(
    BLOCKS.map(lambda block: {"ipBlock": {"cidr": block[0], "except": block[1]}}),
    SELECTORS.map(lambda pods: {"podSelector": pods}),
    NAMESPACES.map(lambda spaces: {"namespaceSelector": spaces}),
    st.tuples(SELECTORS, NAMESPACES).map(lambda both: {"podSelector": both[0], "namespaceSelector": both[1]}),
)
PORTS = st.sampled_from(
    [
        {},
        {"port": 80},
        {"port": 80, "endPort": 90},
        {"port": 81, "endPort": 90},
        {"port": 1, "endPort": 79},
        {"port": 80, "endPort": 65535},
        {"port": "http"},
        {"port": "web"},
        {"protocol": "UDP"},
        {"protocol": "UDP", "port": "http"},
        {"protocol": "SCTP"},
    ]
)
RULES = st.lists(
    st.tuples(st.lists(PEERS, max_size=3), st.lists(PORTS, max_size=3)),
    max_size=3,
)
TYPES = st.sampled_from([["Ingress", "Egress"], ["Ingress", "Egress"], ["Ingress"], ["Egress"]])


def rule(side, peers, ports):
    return ({side: peers} if peers else {}) | ({"ports": ports} if ports else {})


def policy(ingress, egress, types):
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": types}
    spec["ingress"] = [rule("from", *one) for one in ingress]
    spec["egress"] = [rule("to", *one) for one in egress]
    metadata = {"name": "web", "namespace": "shop"}
    return read_policy(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    )


POLICIES = st.builds(policy, RULES, RULES, TYPES)

TCP, UDP = Protocol.TCP, Protocol.UDP
NUMBERS = [*(Port(TCP, number) for number in (1, 80, 85, 91)), Port(UDP, 80), Port(Protocol.SCTP, 1)]
ADDRESSES = [*(f"10.0.0.{number}" for number in range(5)), "200.0.0.1", "2001:db8::1"]
LABELS = [
    tuple((key, value) for key, value in (("a", a), ("b", b)) if value) for a in ("", "1", "2", "3") for b in ("", "1")
]
SPACES = [("shop", ""), ("shop", "1"), ("shop", "2"), ("other", ""), ("other", "1"), ("other", "2")]


def pod(labels, space, number, ports, address=""):
    told = (("kubernetes.io/metadata.name", space),) + ((("n", number),) if number else ())
    return PodEnd(space, "pod", labels, told, (address,) if address else (), "", bool(address), ports)


def flows(direction):
    """Each kind of peer at each kind of port: addresses, hostNetwork pods with a named port, and pods."""
    for port in (*NUMBERS, Port(Protocol.ICMP, 0)):
        for name in ("", "http", "web"):
            named = ((name, port.protocol, port.port),) if name else ()
            own = pod((("app", "web"),), "shop", "", named)
            peers = [AddressEnd(address) for address in ADDRESSES]
            peers += [pod((), "kube-system", "", named, address) for address in ADDRESSES]
            peers += [pod(labels, *space, named) for labels in LABELS for space in SPACES]
            for peer in peers:
                yield Flow(own, peer, port) if direction is Direction.EGRESS else Flow(peer, own, port)


FLOWS = {direction: list(flows(direction)) for direction in Direction}


def admitted(policy, direction):
    """The numbers of the flows that are; ICMP, which the API leaves to enforcers, where a rule is for every port."""
    whole, portless = Evaluator([policy]), Evaluator([_portless(policy)])
    found = set()
    for number, flow in enumerate(FLOWS[direction]):
        if flow.port.protocol is Protocol.ICMP:
            is_it = portless.side(Flow(flow.source, flow.destination, Port(TCP, 80)), direction).is_allowed
        else:
            is_it = whole.side(flow, direction).is_allowed
        if is_it:
            found.add(number)
    return found


def _portless(policy):
    kept = [
        None if rules is None else tuple(one for one in rules if not one.ports)
        for rules in (policy.ingress, policy.egress)
    ]
    return NetworkPolicy(policy.namespace, policy.name, policy.selector, *kept)


def of_grants(grants, direction):
    """What some of them admit, each by itself."""
    for one in grants:
        if one.direction is direction:
            rules = (PolicyRule((one.peer,) if one.peer else (), (one.port,) if one.port else ()),)
            sides = (rules, None) if direction is Direction.INGRESS else (None, rules)
            yield admitted(NetworkPolicy("shop", "web", APP, *sides), direction)


@given(POLICIES, POLICIES)
@settings(max_examples=60, deadline=None)
def test_what_is_told_of_two_policies_is_what_the_evaluator_says(old, new):
    change = compare(old, new)
    for direction in Direction:
        before, after = admitted(old, direction), admitted(new, direction)
        gained, lost, kept = (list(of_grants(some, direction)) for some in (change.gained, change.lost, change.kept))
        assert all(one <= after and not one <= before for one in gained)
        assert all(one <= before and not one <= after for one in lost)
        assert all(one and one <= before and one <= after for one in kept)
        if direction in change.isolated:
            assert (gained, lost) == ([], [])
            assert set().union(*kept) == after
        elif direction in change.opened:
            assert (gained, lost, kept) == ([], [], [])
        else:
            assert after - before <= set().union(*gained)
            assert before - after <= set().union(*lost)
            assert change.is_none <= (before == after)
