"""What a command needs to know of the kubeconfig: the current context's namespace and cluster. No request is made.

The cluster's identity here is its server and CA; a remembered identity of the cluster itself can take its place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError

_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Context:
    """The context that commands work in: its default namespace and its cluster's identity."""

    namespace: str
    cluster: str


def find_files(environment: Mapping[str, str], named: str | None = None) -> list[Path]:
    """The kubeconfig files that exist, in kubectl's order; a file named by ``--kubeconfig`` has to exist."""
    if named:
        return [Path(named)]
    listed = environment.get("KUBECONFIG", "")
    if listed:
        candidates = [Path(part) for part in listed.split(os.pathsep) if part]
    else:
        home = environment.get("HOME", "")
        candidates = [Path(home, ".kube", "config")] if home else []
    return [path for path in candidates if path.is_file()]


def read_context(files: list[Path], name: str | None = None, cluster: str | None = None) -> Context | None:
    """The context ``name``, or the current one, with its cluster or the one named; None where no context is current.

    Of what stands in several files the first wins, as in kubectl. Raises InputError for a file that is no
    kubeconfig, and for a context or cluster that is not in them.
    """
    documents = [(path, _load(path)) for path in files]
    context = _current(documents, name)
    if context is None:
        return None
    path, entry = _named(documents, "clusters", "cluster", cluster or _text(context, "cluster"))
    return Context(_namespace(context), _identity(path, entry))


def read_namespace(files: list[Path], name: str | None = None) -> str:
    """The namespace of the context ``name``, or of the current one; nothing is asked of its cluster's entry.

    It is ``default`` where no context is current. Raises InputError for a file that is no kubeconfig, and for a
    context that is not in them.
    """
    context = _current([(path, _load(path)) for path in files], name)
    return "default" if context is None else _namespace(context)


def list_names(files: list[Path], section: str) -> list[str]:
    """The names in a section, such as ``contexts``, of all files. Raises InputError for what is no kubeconfig."""
    found: dict[str, None] = {}
    for path in files:
        entries = _load(path).get(section)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and (name := _text(entry, "name")):
                found[name] = None
    return list(found)


def _current(documents: list[tuple[Path, dict[str, Any]]], name: str | None) -> dict[str, Any] | None:
    current = name or next(filter(None, (_text(document, "current-context") for _, document in documents)), "")
    return _named(documents, "contexts", "context", current)[1] if current else None


def _namespace(context: Mapping[str, Any]) -> str:
    return _text(context, "namespace") or "default"


def _load(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415  # not needed where there is no kubeconfig

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"the kubeconfig {path} is too large", "name another with --kubeconfig")
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506  # a safe one
    except OSError as error:
        raise InputError(f"the kubeconfig {path} cannot be read: {error.strerror}", _HINT) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"the kubeconfig {path} is not YAML", _HINT) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError(f"the kubeconfig {path} is not a kubeconfig", _HINT)
    return document


_HINT = "name another with --kubeconfig, or read this machine's own recordings with --local"


def _named(
    documents: list[tuple[Path, dict[str, Any]]], plural: str, singular: str, name: str
) -> tuple[Path, dict[str, Any]]:
    for path, document in documents:
        entries = document.get(plural)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(singular), dict):
                return path, entry[singular]
    raise InputError(f"the kubeconfig has no {singular} {name!r}", _HINT)


# Only text is looked at: whatever else stands there, and however it refers to itself, is never written out.
def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""


def _identity(path: Path, cluster: Mapping[str, Any]) -> str:
    server = _text(cluster, "server").rstrip("/")
    told = hashlib.sha256(server.encode() + b"\0" + _authority(path, cluster))
    return f"server-{told.hexdigest()[:32]}"


def _authority(path: Path, cluster: Mapping[str, Any]) -> bytes:
    data = _text(cluster, "certificate-authority-data")
    if data:
        try:
            return base64.b64decode(data)
        except (binascii.Error, ValueError) as error:
            raise InputError("the kubeconfig's certificate-authority-data is not base64", _HINT) from error
    file = _text(cluster, "certificate-authority")
    if not file:
        return b""
    try:
        return (path.parent / file).read_bytes()
    except OSError as error:
        raise InputError(f"the cluster's certificate authority cannot be read: {error.strerror}", _HINT) from error
