"""Policies to stdout, or into a folder of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..policy.generate import Policy
from . import streams
from .outputs import print_objects

_SAFE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def print_policies(policies: Sequence[Policy], output: str, alone: bool) -> None:
    """All of them to stdout, YAML in colours on a terminal; as JSON a List, unless one was asked for ``alone``."""
    from ..render.document import to_yaml  # noqa: PLC0415  # not before everything else is sure

    documents = [policy.document for policy in policies]
    if output == "yaml":
        text = to_yaml(documents, [policy.comments for policy in policies])
        streams.data(_coloured(text) if streams.takes_colour() else text)
    elif output == "name" or documents or not alone:
        print_objects(output, documents, alone)


def write_policies(policies: Sequence[Policy], output: str, folder: Path) -> None:
    """Each into a file of its own, if it says something new; tells of each whether it was written.

    Raises InputError when a file cannot be written, or a name could lead out of the folder.
    """
    from ..files.outputs import write_changed  # noqa: PLC0415
    from ..render.document import to_json, to_yaml  # noqa: PLC0415

    texts = {}
    for policy in policies:
        text = to_yaml([policy.document], [policy.comments]) if output == "yaml" else to_json(policy.document)
        texts[f"{_file_name(policy)}.{output}"] = text
    for path, is_new in write_changed(folder, texts):
        streams.line(f"{path} {'written' if is_new else 'unchanged'}")


def _coloured(text: str) -> str:
    from ..render.colour import colour_yaml  # noqa: PLC0415  # for terminals only

    return colour_yaml(text)


# Neither a namespace nor a policy's name has a dot in it, but the names of a kind without a namespace, which begin with
# the workload's: no two policies share a file.
def _file_name(policy: Policy) -> str:
    metadata = policy.document["metadata"]
    parts = [*([metadata["namespace"]] if "namespace" in metadata else []), *metadata["name"].split(".")]
    if not all(map(_SAFE.fullmatch, parts)):
        raise InputError(f"{parts[0]!r:.80} is no namespace that a file can be named after", "leave that workload out")
    kind = policy.document["kind"]
    return ".".join(parts if kind == "NetworkPolicy" else [*parts, kind.lower()])
