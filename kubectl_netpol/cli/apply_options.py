"""The options of ``generate`` that are about applying, as one value, and the decorator that adds them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click

from ..errors import InputError
from .connection import Connection
from .duration import parse_duration
from .namespaces import namespace_option
from .policy_shape import DEFAULT_KIND

MANAGER = "kubectl-netpol"
_SHORTEST, _LONGEST = 15, 7 * 24 * 3600
_TAKEN_BY_CLUSTERS = ("CiliumNetworkPolicy", "ClusterNetworkPolicy")
_LEAVE = "leave it out, or add --apply"


@dataclass(frozen=True, slots=True)
class Application:
    """What was typed about applying. ``dry_run`` is none, client or server."""

    connection: Connection
    is_wanted: bool
    dry_run: str
    manager: str
    force: bool
    yes: bool
    allow_broken: bool
    rollback_after: float
    watch: bool
    image: str | None
    pull_policy: str | None
    pull_secrets: tuple[str, ...]
    capture_namespace: str | None
    default_deny: bool
    live: bool

    def check(self, kind: str, output: str | None, output_dir: str | None) -> None:
        """Raises InputError for words that contradict each other; ``kind`` is that of the policies."""
        if self.default_deny and kind != DEFAULT_KIND:
            raise InputError(
                "--default-deny makes NetworkPolicies, and --kind asks for others", "leave one of them out"
            )
        if self.live and not self.default_deny:
            raise InputError("--live is for --default-deny", "leave it out, or add --default-deny")
        if self.is_wanted:
            self._check_output(kind, output, output_dir)
            self._check_guard()
            return
        given = {
            "--dry-run": self.dry_run != "none",
            "--field-manager": self.manager != MANAGER,
            "--force-conflicts": self.force,
            "--yes": self.yes,
            "--allow-broken": self.allow_broken,
            "--rollback-after": bool(self.rollback_after),
            **self._guards_own(),
        }
        for flag in (flag for flag, is_given in given.items() if is_given):
            raise InputError(f"{flag} is for --apply", _LEAVE)

    def _guards_own(self) -> dict[str, bool]:
        return {
            "--no-watch": not self.watch,
            "--image": self.image is not None,
            "--image-pull-policy": self.pull_policy is not None,
            "--image-pull-secret": bool(self.pull_secrets),
            "--capture-namespace": self.capture_namespace is not None,
        }

    def _check_guard(self) -> None:
        if not self.rollback_after:
            for flag in (flag for flag, is_given in self._guards_own().items() if is_given):
                raise InputError(f"{flag} is for --rollback-after", "leave it out, or add --rollback-after 10m")
        elif self.dry_run != "none":
            raise InputError("a dry run changes nothing that could be rolled back", "leave out --rollback-after")

    def _check_output(self, kind: str, output: str | None, output_dir: str | None) -> None:
        if kind != DEFAULT_KIND:
            by_kubectl = f"kubectl netpol generate ... --kind {kind} | kubectl apply -f -"
            raise InputError(
                f"--apply applies NetworkPolicies only, and --kind asks for {kind}",
                by_kubectl if kind in _TAKEN_BY_CLUSTERS else "leave --kind or --apply out",
            )
        if output or output_dir is not None:
            flag = "-o" if output else "--output-dir"
            raise InputError(
                f"--apply prints what became of each policy, and {flag} something else", f"leave {flag} out"
            )
        if not self.manager or len(self.manager) > 128 or not self.manager.isprintable():
            raise InputError(f"{self.manager!r:.80} is no field manager", "it has 1 to 128 printable characters")


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float:
    if value is None:
        return 0.0
    try:
        seconds = parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration; write it as 90s, 10m or 1h30m") from error
    if not _SHORTEST <= seconds <= _LONGEST:
        raise click.BadParameter(f"{value} is not between {_SHORTEST} s and 7 days")
    return seconds


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--default-deny", is_flag=True, help="Deny whatever is not admitted, for each namespace; recorded DNS stays."
    ),
    click.option("--live", is_flag=True, help="With --default-deny: ask the cluster whom it cuts off unheard."),
    click.option("--apply", "is_wanted", is_flag=True, help="Apply them to the cluster, on the server's side."),
    click.option(
        "--dry-run",
        type=click.Choice(["none", "client", "server"]),
        default="none",
        help="With --apply: only say what would be done; server: have the API server judge it.",
    ),
    click.option("--field-manager", "manager", metavar="NAME", default=MANAGER, help=f"[default: {MANAGER}]"),
    click.option("--force-conflicts", "force", is_flag=True, help="Take over what others manage."),
    click.option("-y", "--yes", is_flag=True, help="Apply without asking."),
    click.option("--allow-broken", is_flag=True, help="Apply even if recorded flows would be denied."),
    click.option(
        "--rollback-after",
        metavar="DURATION",
        callback=_seconds,
        help="Put the earlier state back after so long, such as 10m, unless it is confirmed before.",
    ),
    click.option("--watch/--no-watch", default=True, help="Until then, look whether flows break. [default: --watch]"),
    click.option("--image", metavar="IMAGE", help="The image of guard and captures. [default: this version's]"),
    click.option(
        "--image-pull-policy",
        "pull_policy",
        type=click.Choice(["Always", "IfNotPresent", "Never"]),
        help="When nodes pull it. [default: IfNotPresent]",
    ),
    click.option(
        "--image-pull-secret",
        "pull_secrets",
        multiple=True,
        metavar="NAME",
        help="A Secret to pull it with; repeatable.",
    ),
    namespace_option("--capture-namespace", text="Where captures run. [default: that of the policies]"),
)


def applies(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and hands what they say, with the ``connection``, to the command as ``application``."""

    @functools.wraps(function)
    def with_application(**values: Any) -> Any:
        given = {field.name: values.pop(field.name) for field in fields(Application)}
        return function(application=Application(**given), **values)

    wrapped: Callable[..., Any] = with_application
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
