"""What a guard holds: the policies as they were, and when they come back. The contract of laptop and guard.

It travels in the environment of the guard's container, as compressed JSON cut into parts: Linux takes no variable of
more than 128 KiB, and a Job is an object of at most 1.5 MB. Whoever can write Jobs can write it, so it is parsed
strictly; what the guard may do is bounded by its Role all the same.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError

VARIABLE = "GUARD_PLAN"
PART = 96 << 10
LARGEST = 768 << 10
"""Of the encoded plan, in characters."""

_LARGEST_PLAIN = 64 << 20
_MOST = 10_000
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Earlier:
    """A policy before the apply: the whole object as the API server told it, or None where there was none."""

    name: str
    found: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """``until``: when the policies come back, in ms of the API server's clock. ``policies`` in the order of applying.

    ``job`` is the guard's own, in ``namespace``.
    """

    namespace: str
    job: str
    until: int
    policies: tuple[Earlier, ...]


def encode(plan: Plan) -> dict[str, str]:
    """The plan as variables. Raises InputError when it is too large for a Job."""
    policies = [{"name": one.name, "found": one.found} for one in plan.policies]
    value = {"namespace": plan.namespace, "job": plan.job, "until": plan.until, "policies": policies}
    packed = zlib.compress(json.dumps(value, separators=(",", ":"), sort_keys=True).encode(), 9)
    text = base64.b64encode(packed).decode()
    if len(text) > LARGEST:
        raise InputError(
            f"the earlier policies are too large for a guard to hold: {len(text) >> 10} KiB, packed",
            "apply fewer of them at once",
        )
    return {f"{VARIABLE}_{number}": text[at : at + PART] for number, at in enumerate(range(0, len(text), PART))}


def decode(variables: Mapping[str, str]) -> Plan:
    """The plan in these variables. Raises InputError for anything that is none."""
    parts: list[str] = []
    while (part := variables.get(f"{VARIABLE}_{len(parts)}")) is not None:
        parts.append(part)
    try:
        return _plan(json.loads(_unpacked("".join(parts))))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error, zlib.error) as error:
        raise InputError("what the guard holds is no plan", "its Job was changed: look at it with kubectl") from error


def _unpacked(text: str) -> bytes:
    if not 0 < len(text) <= LARGEST:
        raise ValueError("no plan")
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(base64.b64decode(text, validate=True), _LARGEST_PLAIN)
    if not unpacker.eof:
        raise ValueError("too large")
    return plain


def _plan(value: dict[str, Any]) -> Plan:
    until, policies = value["until"], value["policies"]
    if type(until) is not int or not 0 < until < 1 << 53:
        raise ValueError("no time")
    if not isinstance(policies, list) or not 0 < len(policies) <= _MOST:
        raise ValueError("no policies")
    return Plan(_name(value["namespace"]), _name(value["job"]), until, tuple(map(_earlier, policies)))


def _earlier(value: dict[str, Any]) -> Earlier:
    name, found = _name(value["name"]), value["found"]
    if found is not None:
        metadata = found["metadata"]
        if found["kind"] != "NetworkPolicy" or metadata["name"] != name or not isinstance(found["spec"], dict):
            raise ValueError("no policy")
    return Earlier(name, found)


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("no name")
    return value
