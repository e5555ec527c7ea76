"""Kubernetes objects as YAML, JSON or names. The same input gives the same bytes on every Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from .text import escape

Document = Mapping[str, Any]
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ""})
_NUMBER = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F_]+|0[oObB][0-9_]+|[0-9_.,:]+([eE][-+]?[0-9_.]+)?|\.[a-zA-Z]+)|[0-9]{4}-[0-9]{1,2}-[0-9].*|=",
    re.DOTALL,
)
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?")


class _Dumper(yaml.SafeDumper):
    """Block style, no anchors, sorted keys; a text that any YAML reader could take for something else is quoted."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless)


# Kubernetes reads YAML 1.1 by Go's rules, to which `y` is a truth and `1e3` a number; PyYAML would not quote either.
def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    is_doubtful = text.lower() in _WORDS or (_NUMBER.fullmatch(text) and not _IPV4.fullmatch(text))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if is_doubtful else None)


_Dumper.add_representer(str, _represent_text)


def to_yaml(documents: Iterable[Document]) -> str:
    """The documents in block style, parted by ``---``."""
    return "---\n".join(_yaml(document) for document in documents)


def to_json(document: Document) -> str:
    """One document, indented as kubectl does it, ASCII only."""
    return json.dumps(document, indent=4, sort_keys=True) + "\n"


def to_name(document: Document) -> str:
    """``networkpolicy.networking.k8s.io/deployment-nginx``, as ``kubectl -o name`` prints it."""
    group, _, _ = str(document["apiVersion"]).rpartition("/")
    kind = str(document["kind"]).lower()
    return escape(
        f"{kind}.{group}/{document['metadata']['name']}" if group else f"{kind}/{document['metadata']['name']}"
    )


def _yaml(document: Document) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=1 << 20)
