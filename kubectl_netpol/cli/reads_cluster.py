"""The options of commands that read recordings and, where they are asked to, the cluster too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .connection import connection_of, more_connection_options
from .namespaces import check_namespace
from .options import Scope, reads_recordings


def reads_recordings_and_cluster(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds both sets of options, and hands them to the command as ``scope`` and ``connection``."""

    @functools.wraps(function)
    def with_connection(scope: Scope, **values: Any) -> Any:
        given: dict[str, Any] = {
            name: values.pop(name) for name in ("cluster", "user", "impersonate", "groups", "timeout")
        }
        if scope.namespace:
            check_namespace(scope.namespace)
        given |= {"kubeconfig": scope.kubeconfig, "context": scope.context}
        return function(scope=scope, connection=connection_of(given), **values)

    wrapped: Callable[..., Any] = with_connection
    for option in reversed(more_connection_options):
        wrapped = option(wrapped)
    return reads_recordings(wrapped)
