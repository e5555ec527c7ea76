"""What ``-o`` takes, and what it prints: the one place that decides. Commands say which formats of their own they have.

A format is a plain text, such as ``yaml`` or ``jsonpath={.items[*].metadata.name}``, checked while flags are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from . import streams

TEMPLATES = ("jsonpath", "jsonpath-as-json", "jsonpath-file", "custom-columns", "custom-columns-file")
OBJECTS = ("json", "yaml", "name")
_LARGEST = 1 << 20
_COLUMNS = ("custom-columns", "custom-columns-file")
_EXAMPLES = {"jsonpath": "jsonpath='{.items[*].metadata.name}'", "custom": "custom-columns=NAME:.metadata.name"}
Documents = Sequence[dict[str, Any]]


class OutputFormat(click.Choice[str]):
    """The formats of one command; ``templates`` adds jsonpath, custom-columns and their like."""

    def __init__(self, plain: Sequence[str], templates: bool = True) -> None:
        super().__init__([*plain, *(f"{one}=" for one in TEMPLATES)] if templates else list(plain))
        self._plain, self._templates = tuple(plain), TEMPLATES if templates else ()

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "FORMAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name, equals, text = str(value).partition("=")
        if value in self._plain:
            return str(value)
        if name in self._templates:
            if equals and text:
                read_template(name, text)  # what is wrong with it is told before anything is done
                return str(value)
            example = _EXAMPLES["custom" if name in _COLUMNS else "jsonpath"]
            raise InputError("template format specified but no template given", f"write it as -o {example}")
        raise InputError(
            f'unable to match a printer suitable for the output format "{str(value)[:80]}"',
            f"allowed formats are: {','.join(sorted((*self._plain, *self._templates)))}",
        )


def output_option(*plain: str, default: str | None = None, templates: bool = True) -> Callable[[Any], Any]:
    """The option ``-o``, whose value is the parameter ``output``."""
    listed = list(plain) + (["jsonpath=...", "custom-columns=..."] if templates else [])
    told = f"Output format. One of: ({', '.join(listed)})."
    return click.option(
        "-o",
        "--output",
        type=OutputFormat(plain, templates),
        default=default,
        help=f"{told} [default: {default}]" if default else told,
    )


no_headers_option = click.option(
    "--no-headers", is_flag=True, help="Print tables and custom columns without their headers."
)


def is_template(output: str | None) -> bool:
    """Whether ``print_template`` prints it."""
    return output is not None and output.partition("=")[0] in TEMPLATES and "=" in output


def print_template(output: str, documents: Documents, alone: bool, with_headers: bool = True) -> None:
    """Fills a template from the document that was asked for ``alone``, or else from a List of all of them.

    Columns have their headers unless ``with_headers`` is false.
    Raises InputError where the template asks for what the documents cannot give.
    """
    from ..neighbors.document import to_list  # noqa: PLC0415  # only for who has a template

    name, _, text = output.partition("=")
    document: Any = documents[0] if alone and len(documents) == 1 else to_list(list(documents))
    streams.data(read_template(name, text, with_headers)(document, documents))


def print_objects(
    output: str, documents: Documents, alone: bool, names: Iterable[str] | None = None, with_headers: bool = True
) -> None:
    """The objects in any of ``OBJECTS`` or by a template. ``names`` where they are not those of the documents.

    Columns have their headers unless ``with_headers`` is false.
    """
    from ..neighbors.document import to_list  # noqa: PLC0415
    from ..render.document import to_json, to_name, to_yaml  # noqa: PLC0415  # each output has its own library

    if is_template(output):
        print_template(output, documents, alone, with_headers)
    elif output == "name":
        for one in map(to_name, documents) if names is None else names:
            streams.line(one)
    else:
        document = documents[0] if alone and len(documents) == 1 else to_list(list(documents))
        streams.data(to_json(document) if output == "json" else to_yaml([document]))


def read_template(name: str, text: str, with_headers: bool = True) -> Callable[[Any, Documents], str]:
    """The function that fills the template ``name=text`` from a document (or List), or from its documents.

    Raises InputError for a template that cannot be read.
    """
    from ..render.jsonpath_nodes import TemplateError  # noqa: PLC0415

    text = _file(text) if name.endswith("-file") else text
    try:
        return _columns(name, text, with_headers) if name in _COLUMNS else _jsonpath(name, text)
    except TemplateError as error:
        what = error.message if name in _COLUMNS else f"error parsing jsonpath {text[:200]}, {error.message}"
        raise InputError(what, f"as in: -o {_EXAMPLES['custom' if name in _COLUMNS else 'jsonpath']}") from error


def _columns(name: str, text: str, with_headers: bool) -> Callable[[Any, Documents], str]:
    from ..render.columns import parse_columns, parse_columns_file, to_columns  # noqa: PLC0415

    columns = (parse_columns if name == "custom-columns" else parse_columns_file)(text)
    return lambda _, documents: _filled(lambda: to_columns(documents, columns, with_headers), name)


def _jsonpath(name: str, text: str) -> Callable[[Any, Documents], str]:
    from ..render.jsonpath import Template  # noqa: PLC0415

    template = Template(text)
    fill = template.fill_as_json if name == "jsonpath-as-json" else template.fill
    return lambda document, _: _filled(lambda: fill(document), f'jsonpath "{text[:200]}"')


def _filled(fill: Callable[[], str], what: str) -> str:
    from ..render.jsonpath_nodes import TemplateError  # noqa: PLC0415

    try:
        return fill()
    except TemplateError as error:
        raise InputError(f"error executing {what}: {error.message}", "look at all there is with -o json") from error


def _file(name: str) -> str:
    try:
        path = Path(name)
        if path.stat().st_size > _LARGEST:
            raise InputError(f"the template {name} is too large", "a template has at most 1 MiB")
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"the template {name} cannot be read: {why}", "name a file that holds a template") from error
