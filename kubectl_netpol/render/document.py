"""Kubernetes objects as YAML, JSON or names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from .text import escape
from .yaml import Path, dump

Document = Mapping[str, Any]
Comments = Iterable[tuple[Path, str]]


def to_yaml(documents: Iterable[Document], comments: Iterable[Comments] = ()) -> str:
    """The documents in block style, parted by ``---``, each with its comments (none for all, or as many)."""
    return "---\n".join(dump(document, told or ()) for document, told in zip_longest(documents, comments))


def to_json(document: Document) -> str:
    """One document, indented as kubectl does it, ASCII only."""
    return json.dumps(document, indent=4, sort_keys=True) + "\n"


def to_name(document: Document) -> str:
    """``networkpolicy.networking.k8s.io/deployment-nginx``, as ``kubectl -o name`` prints it."""
    group, _, _ = str(document["apiVersion"]).rpartition("/")
    kind = str(document["kind"]).lower() + (f".{group}" if group else "")
    return escape(f"{kind}/{document['metadata']['name']}")
