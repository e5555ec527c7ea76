"""The words for whom rules name, and for why they do not name somebody."""

from __future__ import annotations

from ...model import Selector
from ...neighbors.labels import selector_text
from ..evaluation.values import PolicyPeer
from .ends import End, Place, Pods
from .facts import Answer, Facts, meets, requirements, selects

WORDS: dict[Answer, str] = {True: "yes", False: "no", None: "cannot be told"}


def about_peer(one: PolicyPeer, answer: Answer, peer: End, namespace: str) -> str:
    """The answer to whether a rule's peer is that end, and why, if it is not yes; ``namespace`` is the policy's."""
    word = WORDS[answer]
    if answer:
        return word
    if one.cidr:
        if answer is None and isinstance(peer, Pods) and not peer.is_unknown and peer.addresses is None:
            return f"{word}, the addresses of {peer.name} are not known"
        return word
    return ", ".join((word, *_unselected(one, peer, namespace)))


def _unselected(one: PolicyPeer, peer: End, namespace: str) -> list[str]:
    if isinstance(peer, Place):
        return [f"{peer.name} is no pod"]
    if peer.host_network:
        return ["pods with hostNetwork are their node to a policy"]
    if peer.is_unknown:
        return [f"{peer.name} may be a pod's address or not"]
    reasons = []
    if one.namespaces is None and peer.namespace != namespace:
        reasons.append(f"it is in namespace {peer.namespace}" if peer.namespace else "its namespace is not known")
    elif one.namespaces is not None and not selects(one.namespaces, peer.namespace_labels):
        reasons.append(f"of its namespace {why_not(one.namespaces, peer.namespace_labels)}")
    if one.pods is not None and not selects(one.pods, peer.labels):
        reasons.append(why_not(one.pods, peer.labels))
    return reasons


def why_not(selector: Selector, facts: Facts) -> str:
    """What keeps a selector from selecting that: each requirement that is not met, or is not known to be."""
    reasons = []
    for one in requirements(selector):
        answer = meets(one, facts)
        if answer:
            continue
        value = facts.known.get(one.key)
        if answer is None and one.key in facts.differing:
            reasons.append(f"its pods differ in the label {one.key}")
        elif answer is None:
            reasons.append(f"nothing recorded tells the label {one.key}")
        elif value is not None:
            reasons.append(f"its {one.key} is {value}")
        elif facts.lacks(one.key):
            reasons.append(f"it has no label {one.key}")
        else:
            reasons.append(f"its workload's selector demands another {one.key}")
    return " and ".join(dict.fromkeys(reasons)) or "it does"


def selected(selector: Selector, everyone: str) -> str:
    """Whom a selector selects; ``everyone`` is what an empty one does."""
    return everyone if selector.is_empty else f"pods with {selector_text(selector)}"


def describe_peer(one: PolicyPeer, namespace: str) -> str:
    """A rule's peer in words; ``namespace`` is the policy's."""
    if one.cidr:
        return one.cidr + (f" except {', '.join(one.excepted)}" if one.excepted else "")
    pods = "every pod" if one.pods is None else selected(one.pods, "every pod")
    if one.namespaces is None:
        return f"{pods} in namespace {namespace}"
    if one.namespaces.is_empty:
        return f"{pods} in every namespace"
    return f"{pods} in namespaces with {selector_text(one.namespaces)}"
