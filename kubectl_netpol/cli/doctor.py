"""``kubectl netpol doctor``: whether this cluster can be recorded, and what to do where it cannot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError, NetpolError
from . import streams
from .connection import Connection, connects, need_kubeconfig
from .namespaces import namespace_option
from .options import cache_dir_option
from .outputs import output_option

if TYPE_CHECKING:
    from ..capture.diagnosis import Check
    from ..capture.doctor import Places

_HEADERS = ("CHECK", "VERDICT", "FINDING")


@click.command("doctor", short_help="Check whether this cluster can be recorded, and explain what hinders.")
@namespace_option("-n", "--namespace", text="The namespace to be recorded; by default the current context's.")
@namespace_option("--capture-namespace", text="Where the capture Jobs would run. [default: the recorded one]")
@output_option("table", "json", templates=False)
@click.option("--print-rbac", is_flag=True, help="Print the least roles that are needed, and ask nothing.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["record", "apply", "confirmed-apply"]),
    help="With --print-rbac: what the roles are for. [default: record]",
)
@connects
@cache_dir_option
def command(
    connection: Connection,
    cache_dir: Path,
    namespace: str | None,
    capture_namespace: str | None,
    output: str | None,
    print_rbac: bool,
    purpose: str | None,
) -> int:
    """Check whether this cluster can be recorded, and explain what hinders.

    Looks at the connection, your rights, what Pod Security admits, the nodes, whether policies are likely enforced,
    and the cache. Nothing is changed. Exits with 1 when a recording would fail.

    \b
    Examples:
      kubectl netpol doctor
      kubectl netpol doctor -n shop --capture-namespace netpol
    \b
      # The least rights that a recording needs, for an admin to look at and to grant
      kubectl netpol doctor --print-rbac -n shop
    """
    if print_rbac:
        if output:
            raise InputError("--print-rbac prints YAML, and nothing else", "leave -o out")
        if capture_namespace and purpose not in (None, "record"):
            raise InputError(
                f"--capture-namespace is not for --for {purpose}, which is about that of the policies",
                "name it with -n, and leave --capture-namespace out",
            )
        _print_rbac(connection, namespace, capture_namespace, purpose or "record")
        return 0
    if purpose:
        raise InputError("--for is for --print-rbac", "add --print-rbac, or leave --for out")
    checks = [*_ask_cluster(connection, namespace, capture_namespace), _ask_cache(cache_dir)]
    _print(checks, output or "table")
    return int(any(check.verdict.value == "failure" for check in checks))


def _places(connection: Connection, namespace: str | None, capture_namespace: str | None) -> Places:
    from ..capture.doctor import Places  # noqa: PLC0415  # half a second

    recorded = namespace or connection.home
    return Places(recorded, capture_namespace or recorded)


def _ask_cluster(connection: Connection, namespace: str | None, capture_namespace: str | None) -> Iterator[Check]:
    from ..capture.diagnosis import trouble  # noqa: PLC0415
    from ..capture.doctor import examine_cluster  # noqa: PLC0415

    try:
        need_kubeconfig(connection)
        places = _places(connection, namespace, capture_namespace)
        api = connection.open()
    except NetpolError as error:
        yield trouble("connection", error, "name a kubeconfig with --kubeconfig or KUBECONFIG")
        return
    yield from examine_cluster(api, places)


def _ask_cache(directory: Path) -> Check:
    from ..capture.doctor import examine_cache  # noqa: PLC0415

    return examine_cache(directory)


def _print(checks: Sequence[Check], output: str) -> None:
    if output == "json":
        from ..render.document import to_json  # noqa: PLC0415

        rows = [
            {"name": one.name, "verdict": one.verdict.value, "finding": one.finding, "remedy": one.remedy}
            for one in checks
        ]
        streams.data(to_json({"checks": rows}))
        return
    from ..render.table import to_table  # noqa: PLC0415

    streams.data(to_table(_HEADERS, [(one.name, one.verdict.value, one.finding) for one in checks]))
    remedies: dict[str, list[str]] = {}
    for one in checks:
        if one.remedy and one.name not in remedies.setdefault(one.remedy, []):
            remedies[one.remedy].append(one.name)
    if remedies:
        streams.data("\nWhat to do:\n")
    for remedy, names in remedies.items():
        streams.line(f"  {', '.join(names)}: {remedy}")


def _print_rbac(connection: Connection, namespace: str | None, capture_namespace: str | None, purpose: str) -> None:
    from ..cluster.rights import roles_to_apply, roles_to_confirm, roles_to_record  # noqa: PLC0415
    from ..render.document import to_yaml  # noqa: PLC0415

    place = capture_namespace or namespace or connection.home
    made_by = {"record": roles_to_record, "apply": roles_to_apply, "confirmed-apply": roles_to_confirm}
    roles = made_by[purpose](place)
    user = shlex.quote(connection.impersonate or "USER")
    what = {"record": "record", "apply": "generate --apply", "confirmed-apply": "generate --apply --rollback-after"}
    streams.line(f"# The least that kubectl netpol {what[purpose]} needs. Once they are there, bind them:")
    if purpose == "confirmed-apply":
        streams.line(
            f"# To watch what breaks takes a recording's rights too (--print-rbac -n {place}); --no-watch does without."
        )
    for one in roles:
        metadata = one["metadata"]
        name, kind = metadata["name"], one["kind"].lower()
        where = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
        streams.line(f"#   kubectl create {kind}binding {name}{where} --{kind}={name} --user={user}")
    streams.data(to_yaml(roles))
