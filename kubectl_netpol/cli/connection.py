"""kubectl's connection flags, and the connection that they lead to."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from ..render.secrets import redact
from . import streams
from .duration import parse_duration
from .kubeconfig import Context, find_files, read_context
from .namespaces import check_namespace

if TYPE_CHECKING:
    from ..cluster.api import Api


@dataclass(frozen=True, slots=True)
class Connection:
    """What was said about the cluster, as it can be typed again in ``words``."""

    kubeconfig: str | None
    context: str | None
    cluster: str | None
    user: str | None
    impersonate: str | None
    groups: tuple[str, ...]
    timeout: float
    words: tuple[str, ...]

    @property
    def flags(self) -> str:
        """The words as a shell takes them."""
        return shlex.join(self.words)

    def command(self, *words: str) -> str:
        """``kubectl netpol`` with these words and the flags that were given, to be typed."""
        return shlex.join(("kubectl", "netpol", *words, *self.words))

    def of_kubectl(self, *words: str) -> str:
        """kubectl's own command of these words, to the same cluster and as the same user."""
        return shlex.join(("kubectl", *words, *self.words))

    def at(self, context: str) -> Connection:
        """The same to another context, where none was named."""
        return replace(self, context=context, words=(*self.words, "--context", context))

    def files(self) -> tuple[Path, ...]:
        return tuple(find_files(os.environ, self.kubeconfig))

    @property
    def is_there(self) -> bool:
        """Whether there is anything to connect to, a kubeconfig or the pod's own cluster."""
        return bool(self.files()) or "KUBERNETES_SERVICE_HOST" in os.environ

    def current(self) -> Context:
        """The namespace and cluster of the context, without a request. Raises InputError."""
        try:
            found = read_context(list(self.files()), self.context, self.cluster)
        except InputError as error:  # its own remedy is for those who read recordings
            raise InputError(error.message, "name another with --kubeconfig, or a context with --context") from error
        return found or Context("default", "in-cluster")

    @property
    def home(self) -> str:
        """The namespace of the context, which is taken where none is named. Raises InputError for what is none."""
        return check_namespace(self.current().namespace)

    def open(self) -> Api:
        """The connection; the client library is loaded only now. Raises ClusterError.

        The kubeconfig is looked at first, so that it is told in the same words whether or not a cluster is asked.
        """
        from ..cluster.connection import Target, connect  # noqa: PLC0415  # half a second
        from ..cluster.trouble import ClusterError  # noqa: PLC0415

        try:
            self.current()
        except InputError as error:
            raise ClusterError(error.message, error.hint) from error
        target = Target(
            self.files(),
            self.context or "",
            self.cluster or "",
            self.user or "",
            self.impersonate or "",
            self.groups,
            self.timeout,
        )
        try:
            return connect(target, streams.trace, self.command("doctor"))
        except ClusterError as error:  # in the words of a library or a credential plugin, which may show a credential
            raise ClusterError(redact(error.message), error.hint) from error


def _timeout(_: click.Context, __: click.Parameter, value: str | None) -> float:
    if value in (None, "", "0"):
        return 0.0
    try:
        return parse_duration(value if not value.isdigit() else f"{value}s") / 1000
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time; write it as 30s or 2m") from error


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--kubeconfig", metavar="FILE", help="Path to the kubeconfig file to use."),
    click.option("--context", metavar="NAME", help="The name of the kubeconfig context to use."),
    click.option("--cluster", metavar="NAME", help="The name of the kubeconfig cluster to use."),
    click.option("--user", metavar="NAME", help="The name of the kubeconfig user to use."),
    click.option("--as", "impersonate", metavar="USER", help="User to impersonate."),
    click.option("--as-group", "groups", multiple=True, metavar="GROUP", help="Group to impersonate; may be repeated."),
    click.option(
        "--request-timeout", "timeout", metavar="TIME", callback=_timeout, help="When to give up on a request, as 30s."
    ),
)
_FLAGS = {"kubeconfig": "--kubeconfig", "context": "--context", "cluster": "--cluster", "user": "--user"}


more_connection_options = _OPTIONS[2:]
"""Those that commands without these have not: whoever reads recordings has --kubeconfig and --context already."""


def connects(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and hands what they say to the command as ``connection``."""
    return _connecting(function, _OPTIONS)


def connects_without_cluster(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command whose ``--cluster`` means something else."""
    return _connecting(function, (*_OPTIONS[:2], *_OPTIONS[3:]))


def connection_of(given: Mapping[str, Any]) -> Connection:
    """The connection of these options' values, by their names, with the words that they were typed as."""
    words = tuple(word for name, flag in _FLAGS.items() if given[name] for word in (flag, given[name]))
    words += ("--as", given["impersonate"]) if given["impersonate"] else ()
    words += tuple(word for group in given["groups"] for word in ("--as-group", group))
    return Connection(**given, words=words)


def _connecting(function: Callable[..., Any], options: tuple[Callable[[Any], Any], ...]) -> Callable[..., Any]:
    @functools.wraps(function)
    def with_connection(**values: Any) -> Any:
        given = {name: values.pop(name, None) for name in (*_FLAGS, "impersonate", "groups", "timeout")}
        return function(connection=connection_of(given), **values)

    wrapped: Callable[..., Any] = with_connection
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def need_kubeconfig(connection: Connection) -> None:
    """Raises InputError where there is nothing to connect to."""
    if not connection.is_there:
        raise InputError("there is no kubeconfig", "name one with --kubeconfig or KUBECONFIG")
