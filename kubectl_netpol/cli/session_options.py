"""What the commands about one session share: their options, and which session is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError, NetpolError
from . import streams
from .connection import Connection, connects
from .namespaces import namespace_option
from .options import cache_dir_option

if TYPE_CHECKING:
    from ..capture.collection import Found
    from ..cluster.api import Api

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Which session a command is about: by its name, or the only one of a place."""

    name: str | None
    namespace: str | None
    all_namespaces: bool

    def find(self, api: Api, connection: Connection) -> Found:
        """That session. Raises NetpolError with what there is, ClusterError when that cannot be asked."""
        home = connection.home
        if self.name and not self.namespace:
            found, place = _anywhere(connection, api, home)
        else:
            place = "" if self.all_namespaces else self.namespace or home
            found = sessions_in(connection, api, place)
        others = connection.command("sessions", "-A")
        return the_session(found, self.name, f"namespace {place}" if place else "any namespace", others)


def about_a_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the argument and the options; the command gets ``asked``, ``connection``, ``quiet`` and ``cache_dir``."""

    @functools.wraps(function)
    def with_session(
        session: str | None, namespace: str | None, all_namespaces: bool, cache_dir: Path, **values: Any
    ) -> Any:
        return function(asked=Asked(session, namespace, all_namespaces), cache_dir=cache_dir, **values)

    wrapped: Callable[..., Any] = cache_dir_option(connects(with_session))
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Only notes and errors."),
        click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces, whatever --namespace says."),
        namespace_option(
            "-n",
            "--namespace",
            text="Where its captures run; by default the context's, or any for a SESSION that is named.",
        ),
        click.argument("session", required=False),
    ):
        wrapped = option(wrapped)
    return wrapped


def sessions_in(connection: Connection, api: Api, namespace: str) -> list[Found]:
    """The sessions of a namespace, or (empty) of all. Raises ClusterError.

    Of one whose Jobs do not say what it is, people are told how to remove it: its records cannot be taken in.
    """
    from ..capture.collection import find_sessions  # noqa: PLC0415  # half a second
    from ..capture.job import SESSION_LABEL  # noqa: PLC0415

    def tell(name: str, place: str) -> None:
        removal = connection.of_kubectl("delete", "jobs", "-n", place, "-l", f"{SESSION_LABEL}={name}")
        streams.note(
            f"session {name} in namespace {place} cannot be read, since the annotation of its Jobs is malformed; to "
            f"remove it: {removal}"
        )

    return find_sessions(api, namespace, tell)


# Who may list Jobs in one namespace only looks there.
def _anywhere(connection: Connection, api: Api, home: str) -> tuple[list[Found], str]:
    from ..cluster.trouble import RefusedError  # noqa: PLC0415

    try:
        return sessions_in(connection, api, ""), ""
    except RefusedError as error:
        if not error.is_forbidden:
            raise
        return sessions_in(connection, api, home), home


def the_session(found: Sequence[Found], name: str | None, place: str, others: str) -> Found:
    """The one that is named, or the only one there is. Raises NetpolError with what there is.

    ``others`` is the command that shows those of other places.
    """
    named = [one for one in found if name in (None, one.session.name)]
    if len(named) == 1:
        return named[0]
    names = ", ".join(one.session.name for one in found[:_SHOWN])
    if name is None and named:
        raise InputError(f"there are several sessions in {place}, and none was named", f"name one of them: {names}")
    if name is None:
        raise NetpolError(f"no sessions found in {place}", f"see others with: {others}")
    if named:
        places = ", ".join(one.namespace for one in named[:_SHOWN])
        raise InputError(f"there are several sessions {name}", f"say where the captures run, with -n: {places}")
    hint = f"there is {names}" if names else f"it may be over and removed; see: {others}"
    raise NetpolError(f'session "{name}" not found in {place}', hint)
