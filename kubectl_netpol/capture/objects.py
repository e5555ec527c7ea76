"""Kubernetes objects from a file, as ``kubectl get -o yaml`` or ``-o json`` prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError

MAX_BYTES = 1 << 30
_KINDS = "pods,services,endpointslices,namespaces,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,nodes"
HINT = f"make one: kubectl get {_KINDS} -A -o yaml > FILE"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_objects(path: Path) -> list[dict[str, Any]]:
    """The objects in one or many documents; Lists are left as they are, whoever reads them unfolds them.

    Raises InputError that names the file when it cannot be read, is no YAML or JSON, or holds anything but objects.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: is larger than 1 GiB", HINT)
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", HINT) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text", HINT) from error
    documents = [document for document in _parse(path, text) if document is not None]
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise InputError(f"{path}: document {number} is no Kubernetes object", HINT)
    if not documents:
        raise InputError(f"{path}: holds no Kubernetes objects", HINT)
    return documents


def _parse(path: Path, text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is no JSON: {error}", HINT) from error
    try:
        return list(yaml.load_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}: is no YAML{line}: {error.problem}", HINT) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: is no YAML: {str(error).splitlines()[0]}", HINT) from error
