"""Earlier policies that nobody holds any more, in a file: for whoever puts them back by hand."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files.outputs import write_file
from ..guard.plan import Plan
from ..guard.restore import by_hand

_KEPT = ("name", "namespace", "labels", "annotations")


def rescued(plan: Plan, names: Container[str], flags: str = "") -> str:
    """The commands that finish a rollback without its guard, for these policies of the plan; empty where there is none.

    What is to come back is written to a new file of the temporary directory, for its owner alone. ``flags`` are those
    of the connection, as a shell takes them. Raises InputError when the file cannot be written.
    """
    new = [one.name for one in plan.policies if one.found is None and one.name in names]
    old = [one.found for one in plan.policies if one.found is not None and one.name in names]
    words = [by_hand(plan, new, flags)] if new else []
    if old:
        file = _written({"apiVersion": "v1", "kind": "List", "items": [_bare(one) for one in old]})
        words.append(f"kubectl replace -f {shlex.quote(str(file))} -n {plan.namespace} {flags}".rstrip())
    return "; ".join(words)


# With its version and UID the API server would take it for an edit of an object that is no more.
def _bare(found: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: found["metadata"][key] for key in _KEPT if found["metadata"].get(key)}
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, "spec": found["spec"]}


def _written(value: Mapping[str, Any]) -> Path:
    try:
        handle, name = tempfile.mkstemp(".json", "kubectl-netpol-")
        os.close(handle)
    except OSError as error:
        raise InputError(f"no file in the temporary directory: {error.strerror or error}") from error
    file = Path(name)
    try:
        write_file(file, json.dumps(value, indent=2) + "\n")  # which keeps the mode
    except InputError:
        file.unlink(missing_ok=True)
        raise
    return file
