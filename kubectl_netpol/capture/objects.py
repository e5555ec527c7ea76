"""Kubernetes objects from a file, as ``kubectl get -o yaml`` or ``-o json`` prints them."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError

MAX_BYTES = 1 << 30
_KINDS = "pods,services,endpointslices,namespaces,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,nodes"
HINT = f"make one: kubectl get {_KINDS} -A -o yaml > FILE"
_MAYBE_ANCHOR = re.compile(r"(?:^|[\s,\[{:?-])&\S")
_FAR_TOO_DEEP = 2000
_MAX_DEPTH = 200
_MAX_ALIASED = 1_000_000
_MAYBE_DEEP = re.compile(r"(?:^ {1000}|(?:[-?]\s+){1000})", re.MULTILINE)
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_objects(path: Path) -> list[dict[str, Any]]:
    """The objects in one or many documents; Lists are left as they are, whoever reads them unfolds them.

    Raises InputError that names the file when it cannot be read, is no YAML or JSON, or holds anything but objects.
    """
    text = _read(path)
    documents = [document for document in _parse(path, text) if document is not None]
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise InputError(f"{path}: document {number} is no Kubernetes object", HINT)
    if not documents:
        raise InputError(f"{path}: holds no Kubernetes objects", HINT)
    return documents


def _read(path: Path) -> str:
    try:
        found = path.stat()
        if found.st_size > MAX_BYTES:
            raise InputError(f"{path}: is larger than 1 GiB", HINT)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise InputError(f"{path}: is a device, not a file", HINT)
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", HINT) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text", HINT) from error


def _parse(path: Path, text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
            if _HALF_PAIR.search(text):
                json.dumps(document, ensure_ascii=False).encode(
                    "utf-8"
                )  # half a pair could be neither stored nor printed
            return [document]
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is no JSON: {error}", HINT) from error
    try:
        _refuse_bombs(path, text)
        return list(yaml.load_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}: is no YAML{line}: {error.problem}", HINT) from error
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        # What PyYAML raises for a value that does not fit its tag depends on the tag.
        raise InputError(f"{path}: is no YAML: {(str(error) or 'a broken value').splitlines()[0]}", HINT) from error


def _refuse_bombs(path: Path, text: str) -> None:
    """A few aliases can stand for more than any memory holds, and libyaml pays for depth with the C stack. Where
    neither can be in the text, it is not looked through twice."""
    shallow = text.count("[") + text.count("{") < _FAR_TOO_DEEP and not _MAYBE_DEEP.search(text)
    if shallow and not _MAYBE_ANCHOR.search(text):
        return
    aliased = 0
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            sizes[anchor or ""] = size
            _grow(open_nodes, size)
        elif isinstance(event, yaml.AliasEvent):
            anchor = event.anchor or ""
            size = sizes.get(anchor, _MAX_ALIASED if anchor in dict(open_nodes) else 1)
            aliased += size
            _grow(open_nodes, size)
        elif isinstance(event, yaml.ScalarEvent):
            _grow(open_nodes, 1)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if len(open_nodes) > _MAX_DEPTH:
            raise InputError(f"{path}: is nested deeper than {_MAX_DEPTH} levels in line {line}", HINT)
        if aliased >= _MAX_ALIASED:
            raise InputError(f"{path}: its YAML aliases stand for too much in line {line}", HINT)


def _grow(open_nodes: list[tuple[str | None, int]], by: int) -> None:
    anchor, size = open_nodes[-1]
    open_nodes[-1] = anchor, size + by
