"""From kubectl's connection flags to an ``Api``: kubeconfig files, context, cluster, user, impersonation."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_incluster_config
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

from .api import Api
from .trouble import DOCTOR, ClusterError

_CONNECTIONS = 64
"""How many are kept open for reuse: more requests than that never run at once."""

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_OVERRIDE = "kubectl-netpol"
_HINT = "name a kubeconfig with --kubeconfig or KUBECONFIG"


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster, and as whom; empty means as the kubeconfig says. ``timeout`` in seconds, 0 for none given."""

    files: tuple[Path, ...]
    context: str = ""
    cluster: str = ""
    user: str = ""
    impersonate: str = ""
    groups: tuple[str, ...] = ()
    timeout: float = 0.0


class _Retry(urllib3.Retry):
    """For connections that had ended while nobody used them. A silence is no reason to wait as long once more."""

    def increment(self, *arguments: Any, **more: Any) -> _Retry:
        if isinstance(error := more.get("error"), urllib3.exceptions.ReadTimeoutError):
            raise error
        return super().increment(*arguments, **more)


def connect(target: Target, log: Callable[[str], None] | None = None, doctor: str = DOCTOR) -> Api:
    """An ``Api`` for that target; nothing is asked of it yet. ``log`` hears each request, without any secret.

    ``doctor`` is the command that looks at the user's rights.

    Raises ClusterError for a kubeconfig that cannot be used.
    """
    configuration = Configuration()
    configuration.retries = _Retry(total=1, status=0, redirect=0, backoff_factor=0.1)
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.keep_alive = True
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    try:
        with _complaints() as complaints:
            _load(target, configuration)
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ClusterError(f"the kubeconfig cannot be used: {_first_line(error)}", _HINT) from error
    if complaints:
        raise ClusterError(f"the kubeconfig's credential plugin failed: {complaints[0]}", "try: kubectl auth whoami")
    return Api(ApiClient(configuration), _headers(target), target.timeout, log, doctor)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the library only logs: where a credential plugin fails it goes on, and the user is anonymous."""
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                found.append(" ".join(record.getMessage().split())[:300])

    listener = Listener()
    logging.getLogger().addHandler(listener)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(listener)


def _load(target: Target, configuration: Any) -> None:
    if not target.files:
        _load_from_pod(configuration)
        return
    merged = KubeConfigMerger(os.pathsep.join(map(str, target.files)))
    if merged.config is None:
        raise ClusterError("the kubeconfig is empty", _HINT)
    context = target.context or _current(merged.config_files.values())
    if target.cluster or target.user:
        context = _override(merged.config, context, target)
    if not context:
        raise ClusterError("the kubeconfig has no current context", "name one: --context NAME")
    _check_user(merged.config, context)
    KubeConfigLoader(config_dict=merged.config, active_context=context, config_base_path=None).load_and_set(
        configuration
    )


def _load_from_pod(configuration: Any) -> None:
    if _IN_CLUSTER not in os.environ:
        raise ClusterError("there is no kubeconfig", f"{_HINT}, or record this machine with --local")
    load_incluster_config(client_configuration=configuration)


# The library takes a user that is not there for nobody, and asks as nobody.
def _check_user(config: ConfigNode, context: str) -> None:
    user = config["contexts"].get_with_name(context)["context"].safe_get("user")
    if user and not any(one["name"] == user for one in config.value["users"]):
        raise ClusterError(f"the kubeconfig has no user {user!r}", _HINT)


# Of several files the first that names one decides, as in kubectl; the library takes the last.
def _current(documents: Sequence[dict[str, Any]] | Any) -> str:
    return next((name for one in documents if isinstance(name := one.get("current-context"), str) and name), "")


def _override(config: ConfigNode, name: str, target: Target) -> str:
    """A context of our own beside the others: theirs with another cluster or user."""
    base = dict(config["contexts"].get_with_name(name)["context"].value) if name else {}
    base |= {"cluster": target.cluster} if target.cluster else {}
    base |= {"user": target.user} if target.user else {}
    node = ConfigNode(_OVERRIDE, {"name": _OVERRIDE, "context": base})
    config.value["contexts"].append(node)
    return _OVERRIDE


def _headers(target: Target) -> list[tuple[str, str]]:
    """Impersonation (the API's "Authenticating", user impersonation)."""
    if not target.impersonate:
        if target.groups:
            raise ClusterError("--as-group needs --as", "say as which user of that group: --as USER")
        return []
    return [("Impersonate-User", target.impersonate), *(("Impersonate-Group", group) for group in target.groups)]


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
