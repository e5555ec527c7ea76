"""The options that commands share with kubectl, as one value, and the decorator that adds them."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..cache.location import ENVIRONMENT, default_directory
from ..errors import InputError
from .duration import parse_duration
from .kubeconfig import Context, find_files, read_context

LOCAL_CONTEXT = Context("default", "local")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings a command is about. ``namespace`` is empty for all; ``since`` in ms since the Unix epoch."""

    directory: Path
    cluster: str
    namespace: str
    labels: str
    since: int

    @property
    def is_local(self) -> bool:
        return self.cluster == LOCAL_CONTEXT.cluster

    @property
    def place(self) -> str:
        """``default namespace``, as kubectl says it."""
        return f"{self.namespace} namespace" if self.namespace else "any namespace"


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
    """The context that is asked for, or this machine's own where there is no kubeconfig."""
    files = [] if local else find_files(os.environ, kubeconfig)
    if context and not files and not local:
        raise InputError(f"there is no kubeconfig to find the context {context!r} in", "name one with --kubeconfig")
    return (read_context(files, context) if files else None) or LOCAL_CONTEXT


# Files have no context, and so no namespace of their own: they are taken whole, and no kubeconfig is looked for.
def _scope(values: dict[str, Any]) -> Scope:
    local, kubeconfig, context = (values.pop(name) for name in ("local", "kubeconfig", "context"))
    current = Context("", "") if values.get("files") else current_context(local, kubeconfig, context)
    namespace = values.pop("namespace") or current.namespace
    if values.pop("all_namespaces"):
        namespace = ""
    return Scope(values.pop("cache_dir"), current.cluster, namespace, values.pop("labels"), values.pop("since"))
