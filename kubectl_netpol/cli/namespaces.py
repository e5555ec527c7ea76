"""The name of a namespace that a cluster is asked about: checked before it comes into a request, a Role or a Job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..errors import InputError
from ..neighbors.labels import is_dns_label


def check_namespace(name: str) -> str:
    """That name. Raises InputError for what is no label of RFC 1123, as the API server would."""
    if not is_dns_label(name):
        raise InputError(f"{name!r:.80} is no name of a namespace", "it has small letters, digits and dashes only")
    return name


def namespace_option(*flags: str, text: str) -> Callable[[Any], Any]:
    """The option with these flags and that help, whose value is a namespace's name, or None."""
    return click.option(*flags, metavar="NAMESPACE", callback=_checked, help=text)


def _checked(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return check_namespace(value) if value else None
