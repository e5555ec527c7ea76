"""The options that commands share with kubectl, as one value, and the decorator that adds them."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from ..cache.clusters import identity_of
from ..cache.location import ENVIRONMENT, default_directory
from ..errors import InputError, StoreError
from .duration import parse_duration
from .kubeconfig import Context, find_files, read_context, read_namespace

LOCAL_CONTEXT = Context("default", "local")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings a command is about. ``namespace`` is empty for all; ``since`` in ms since the Unix epoch.

    ``entry`` is the cluster as the kubeconfig tells it, ``cluster`` as recordings have taught; empty for files.
    ``home`` is the namespace that is taken where none is named, or empty where that was not looked for; ``origin``
    are the options that led to these recordings or files, as they can be typed again.
    """

    directory: Path
    cluster: str
    namespace: str
    labels: str
    since: int
    home: str = ""
    origin: tuple[str, ...] = ()
    has_files: bool = False
    kubeconfig: str | None = None
    context: str | None = None
    entry: str = ""

    @property
    def is_local(self) -> bool:
        return self.cluster == LOCAL_CONTEXT.cluster

    @property
    def place(self) -> str:
        """``default namespace``, as kubectl says it."""
        return f"{self.namespace} namespace" if self.namespace else "any namespace"

    @property
    def source(self) -> str:
        """``the recordings of default namespace``, or ``the input``."""
        if self.has_files:
            return f"the {self.namespace} namespace of the input" if self.namespace else "the input"
        return f"the recordings of {self.place}"

    def on_this_machine(self) -> Scope:
        """The same with ``--local``, in whichever namespace."""
        origin = ("--local", *cache_dir_words(self.directory))
        local = LOCAL_CONTEXT.cluster
        return replace(self, cluster=local, entry=local, home="", origin=origin)

    def as_known_now(self) -> Scope:
        """The same, with what recordings have taught of the cluster since: the first one moves what was kept."""
        return replace(self, cluster=identity_of(self.directory, self.entry))


def _since(_: click.Context, __: click.Parameter, value: str | None) -> int:
    if value is None:
        return 0
    try:
        return max(0, int(time.time() * 1000) - parse_duration(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration; write it as 90s, 45m, 1h30m or 7d") from error


def cache_dir(_: click.Context, __: click.Parameter, value: str | None) -> Path:
    """The callback of ``--cache-dir``: the directory that was named, or the default."""
    return Path(value).expanduser() if value else default_directory(os.environ)


cache_dir_option = click.option(
    "--cache-dir",
    metavar="DIR",
    callback=cache_dir,
    help=f"Where recordings are kept; {ENVIRONMENT} sets it too. [default: ~/.cache/kubectl-netpol]",
)
kubeconfig_options = (
    click.option("--local", is_flag=True, help="Read what was recorded on this machine, without a cluster."),
    click.option("--kubeconfig", metavar="FILE", help="Path to the kubeconfig file to use."),
    click.option("--context", metavar="NAME", help="The name of the kubeconfig context to use."),
)

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-n", "--namespace", metavar="NAMESPACE", help="The namespace; by default the current context's."),
    click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces, whatever --namespace says."),
    click.option("-l", "--selector", "labels", default="", metavar="SELECTOR", help="Pods' labels, as in kubectl get."),
    click.option("--since", metavar="DURATION", callback=_since, help="Only what was last seen within, such as 7d."),
    *kubeconfig_options,
    cache_dir_option,
)


def reads_recordings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and hands what they say to the command as ``scope``."""

    @functools.wraps(function)
    def with_scope(**values: Any) -> Any:
        return function(scope=_scope(values), **values)

    wrapped: Callable[..., Any] = with_scope
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def current_context(local: bool, kubeconfig: str | None, context: str | None) -> Context:
    """The context that is asked for, or this machine's own where there is no kubeconfig.

    With ``local`` it is this machine's recordings, in the namespace that the kubeconfig's context names.
    """
    files = find_files(os.environ, kubeconfig)
    if context and not files:
        raise InputError(f"there is no kubeconfig to find the context {context!r} in", "name one with --kubeconfig")
    if not files:
        return LOCAL_CONTEXT
    return _on_this_machine(files, context) if local else read_context(files, context) or LOCAL_CONTEXT


def _on_this_machine(files: list[Path], context: str | None) -> Context:
    try:
        return replace(LOCAL_CONTEXT, namespace=read_namespace(files, context))
    except InputError as error:
        raise InputError(error.message, "name the namespace with -n, or take all with -A") from error


def _scope(values: dict[str, Any]) -> Scope:
    current, origin = _current(values), _origin(values)
    flags = values["kubeconfig"], values["context"]
    for name in ("local", "kubeconfig", "context"):
        values.pop(name)
    namespace = values.pop("namespace") or current.namespace
    if values.pop("all_namespaces"):
        namespace = ""
    directory = values.pop("cache_dir")
    return Scope(
        directory,
        identity_of(directory, current.cluster),
        namespace,
        values.pop("labels"),
        values.pop("since"),
        current.namespace,
        origin,
        bool(values.get("files")),
        *flags,
        current.cluster,
    )


# Files have no context, and so no namespace of their own: they are taken whole, and no kubeconfig is looked for.
# Nor is it for this machine's recordings of a namespace that is named: a broken one is then no hindrance.
def _current(values: dict[str, Any]) -> Context:
    if values.get("files"):
        return Context("", "")
    if values["local"] and (values["namespace"] or values["all_namespaces"]):
        return replace(LOCAL_CONTEXT, namespace="")
    return current_context(values["local"], values["kubeconfig"], values["context"])


def _origin(values: dict[str, Any]) -> tuple[str, ...]:
    if values.get("files"):
        return tuple(word for file in values["files"] for word in ("-f", file))
    words = ("--local",) if values["local"] else ()
    for name in ("kubeconfig", "context"):
        words += (f"--{name}", values[name]) if values[name] else ()
    return words + cache_dir_words(values["cache_dir"])


def cache_dir_words(directory: Path) -> tuple[str, ...]:
    """The option that names this directory, where it is not the default."""
    try:
        is_default = directory == default_directory(os.environ)
    except StoreError:  # no home directory, and so no default
        is_default = False
    return () if is_default else ("--cache-dir", str(directory))
