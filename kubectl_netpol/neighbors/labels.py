"""Which labels say what a pod is, and which change with each roll-out, run or place; selectors made from them."""

from __future__ import annotations

import re

from ..model import Requirement, Selector
from .reading import Fields

Labels = tuple[tuple[str, str], ...]

VOLATILE = frozenset(
    {
        "pod-template-hash",
        "rollouts-pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "app.kubernetes.io/version",
        "helm.sh/chart",
    }
)
"""Labels that do not survive a roll-out, an upgrade or the next run."""

LONGEST_LABEL = 63
"""RFC 1123: the length of a DNS label, and of a Kubernetes label's value."""

_VOLATILE_PREFIXES = ("topology.kubernetes.io/", "failure-domain.beta.kubernetes.io/")
_LONGEST_PREFIX = 253
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def is_label_key(text: str) -> bool:
    """Whether Kubernetes takes that text as a label's key (IsQualifiedName of apimachinery)."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_object_name(prefix):
        return False
    return _NAME.fullmatch(name) is not None


def is_object_name(text: str) -> bool:
    """Whether Kubernetes takes that text as the name of a policy or a node (IsDNS1123Subdomain of apimachinery)."""
    return len(text) <= _LONGEST_PREFIX and _PREFIX.fullmatch(text) is not None


def is_dns_label(text: str) -> bool:
    """Whether Kubernetes takes that text as the name of a namespace (IsDNS1123Label of apimachinery)."""
    return len(text) <= LONGEST_LABEL and "." not in text and is_object_name(text)


def is_label_value(text: str) -> bool:
    """Whether Kubernetes takes that text as a label's value (IsValidLabelValue of apimachinery)."""
    return not text or _NAME.fullmatch(text) is not None


def stable(labels: Labels) -> Labels:
    """The labels without the volatile ones."""
    return tuple(
        (key, value) for key, value in labels if key not in VOLATILE and not key.startswith(_VOLATILE_PREFIXES)
    )


def differing(a: Labels, b: Labels) -> frozenset[str]:
    """The keys of the labels that two pods do not share: one lacks it, or has another value."""
    return frozenset(key for key, _ in set(a) ^ set(b))


def stable_selector(selector: Selector) -> Selector:
    """The selector without requirements on volatile labels."""
    kept = tuple(one for one in selector.match_expressions if stable(((one.key, ""),)))
    return Selector(stable(selector.match_labels), kept)


def is_volatile(selector: Selector) -> bool:
    """Whether the selector asks for volatile labels only."""
    return not selector.is_empty and stable_selector(selector).is_empty


def selector_text(selector: Selector) -> str:
    """The selector as kubectl's ``-l`` writes it, for people."""
    labels = [f"{key}={value}" for key, value in selector.match_labels]
    labels += [f"{one.key} {one.operator} ({','.join(one.values)})" for one in selector.match_expressions]
    return ",".join(labels) or "<all>"


def read_selector(fields: Fields, name: str) -> Selector:
    """A LabelSelector, or the plain map of labels that Services and ReplicationControllers have.

    Raises InputError when it has a wrong shape.
    """
    inner = fields.fields(name)
    if not {"matchLabels", "matchExpressions"} & inner.value.keys():
        return Selector(fields.table(name))
    expressions = (
        Requirement(one.text("key"), one.text("operator"), tuple(sorted(one.texts("values"))))
        for one in inner.each("matchExpressions")
    )
    return Selector(inner.table("matchLabels"), tuple(sorted(expressions)))


def matches(selector: Selector, labels: Labels) -> bool:
    """Whether the selector selects the labels, as Kubernetes defines it; an unknown operator selects nothing."""
    table = dict(labels)
    if any(table.get(key) != value for key, value in selector.match_labels):
        return False
    return all(meets(one, table.get(one.key)) for one in selector.match_expressions)


def meets(one: Requirement, value: str | None) -> bool:
    """Whether a label's value (None: there is no such label) meets a requirement; none meets an unknown operator."""
    # "NotIn ... and DoesNotExist": both also select objects that have no such key.
    match one.operator:
        case "In":
            return value is not None and value in one.values
        case "NotIn":
            return value is None or value not in one.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
