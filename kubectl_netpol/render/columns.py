"""``-o custom-columns=NAME:.metadata.name,...``: a table of the user's own columns, as kubectl get prints it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .go_text import show
from .jsonpath import Template
from .jsonpath_nodes import TemplateError
from .table import to_table

_RELAXED = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """A header, and the path of what stands below it."""

    header: str
    template: Template


def parse_columns(text: str) -> list[Column]:
    """The columns of ``HEADER:PATH,...``. Raises TemplateError with kubectl's words."""
    if not text:
        raise TemplateError("custom-columns format specified but no custom columns given")
    return [_column(part) for part in text.split(",")]


def parse_columns_file(text: str) -> list[Column]:
    """The columns of a file: a line of headers, then a line of their paths."""
    lines = text.splitlines()
    if len(lines) < 2:
        raise TemplateError("invalid template: it has one line of headers and one line of paths, parted by spaces")
    headers, paths = lines[0].split(), lines[1].split()
    if len(headers) != len(paths):
        raise TemplateError(f"number of headers ({len(headers)}) and field specifications ({len(paths)}) don't match")
    return [Column(header, Template(_relaxed(path))) for header, path in zip(headers, paths, strict=True)]


def to_columns(documents: Iterable[Any], columns: list[Column], with_headers: bool = True) -> str:
    """The table; what is missing is ``<none>``, and an empty text is blank."""
    rows = [[_cell(document, column) for column in columns] for document in documents]
    return to_table([column.header for column in columns], rows, with_headers, empty="")


def _column(part: str) -> Column:
    header, colon, path = part.partition(":")
    if not colon:
        raise TemplateError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
    return Column(header, Template(_relaxed(path)))


# name, .name, {name} and {.name} are all the same.
def _relaxed(path: str) -> str:
    if not path:
        return path
    found = _RELAXED.fullmatch(path)
    if not found:
        wanted = "a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        raise TemplateError(f"unexpected path string, expected {wanted}")
    return f"{{.{found[1] or found[2]}}}"


def _cell(document: Any, column: Column) -> str:
    found = column.template.find(document)
    texts = [show(value) for values in found for value in values]
    return ",".join(texts if found and found[0] else [NONE, *texts])
