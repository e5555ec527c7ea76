"""KnownServer documents as YAML text and as plain objects for JSON. Pure; the reference's fields in its order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from .chunks import ANNOTATION, API_VERSION, FORMAT, KIND, NO_STRINGS, PLACE
from .values import Document, KnownServer

_WORD = re.compile(r"[A-Za-z]([A-Za-z0-9._/-]*[A-Za-z0-9])?", re.ASCII)
_IPV4_BLOCK = re.compile(r"[0-9]+(\.[0-9]+){3}(/[0-9]+)?", re.ASCII)


def write_documents(documents: Iterable[Document]) -> str:
    """One YAML document each, ``---`` between them; what ``import -f`` and ``kubectl apply -f`` read."""
    return "---\n".join(map(write_document, documents))


def write_document(document: Document) -> str:
    """One YAML document that ends with a line feed."""
    lines = [f"apiVersion: {API_VERSION}", f"kind: {KIND}", "metadata:", f"  name: {scalar(document.name)}"]
    annotations = _annotations(document)
    lines += ["  annotations:"] if annotations else []
    lines += [
        f"    {key}: {scalar(text) if key == FORMAT else json.dumps(text, ensure_ascii=False)}"
        for key, text in annotations.items()
    ]
    lines.append("spec:" if document.entries else "spec: []")
    for entry in document.entries:
        lines += entry_lines(entry)
    return "\n".join(lines) + "\n"


def write_list(documents: Iterable[Document]) -> str:
    """One YAML document of kind List, as ``kubectl get -o yaml`` prints several objects."""
    items = [write_document(document) for document in documents]
    lines = ["apiVersion: v1", "items:" if items else "items: []"]
    for item in items:
        first, *others = item.splitlines()
        lines += [f"- {first}", *(f"  {line}" for line in others)]
    return "\n".join([*lines, "kind: List", 'metadata:\n  resourceVersion: ""']) + "\n"


def entry_lines(entry: KnownServer) -> list[str]:
    """A block list's item, its dash in the first column."""
    return [
        f"- ipBlock: {scalar(entry.ip_block)}",
        f"  name: {scalar(entry.name)}",
        f"  server: {scalar(entry.server)}",
    ]


def entry_flow(entry: KnownServer) -> str:
    """The same for a list in brackets: JSON, which is YAML as well."""
    return json.dumps(entry_object(entry), ensure_ascii=False)


def scalar(text: str) -> str:
    """A text as YAML that every reader, 1.1 or 1.2, Go's too, takes for a string; quoted as JSON where in doubt."""
    is_plain = (_WORD.fullmatch(text) and text.lower() not in NO_STRINGS) or _IPV4_BLOCK.fullmatch(text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def document_object(document: Document) -> dict[str, Any]:
    """A KnownServer as JSON has it."""
    metadata: dict[str, Any] = {"name": document.name}
    if annotations := _annotations(document):
        metadata["annotations"] = annotations
    spec = [entry_object(entry) for entry in document.entries]
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _annotations(document: Document) -> dict[str, str]:
    found = {ANNOTATION: "true"} if document.every_address else {}
    if document.source:
        found |= {FORMAT: document.source.form, PLACE: document.source.place}
    return found


def list_object(documents: Iterable[Document]) -> dict[str, Any]:
    """A List of KnownServers as JSON has it."""
    items = [document_object(document) for document in documents]
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def entry_object(entry: KnownServer) -> dict[str, str]:
    return {"ipBlock": entry.ip_block, "name": entry.name, "server": entry.server}
