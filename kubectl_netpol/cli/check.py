"""``kubectl netpol check``: which recorded flows policies would deny, before anybody applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ..errors import InputError
from ..policy.evaluation.values import NetworkPolicy
from ..policy.replay.ends import World
from ..policy.replay.replay import replay
from . import streams
from .check_input import Sources, gather_policies, policies_of_files, read_world
from .connection import Connection
from .demand import Demand, demands
from .generation import check_whole
from .known_option import known_servers_option
from .options import Scope
from .outputs import output_option
from .reads_cluster import reads_recordings_and_cluster
from .recorded import Recorded, read_recorded
from .selection import parse_selection

_COMMAND = "kubectl netpol check"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to print, and how."""

    output: str
    wide: bool
    strict: bool
    flow: str | None
    includes_unanswered: bool


@click.command("check", short_help="Tell which recorded flows policies would deny.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@click.option(
    "-f",
    "--filename",
    "policy_files",
    multiple=True,
    metavar="FILE|DIR|-",
    help="Take NetworkPolicies from here; may be repeated.",
)
@click.option("--generated", is_flag=True, help="Take the policies that generate would write for these workloads.")
@click.option(
    "--applied", is_flag=True, help="Take the policies in the cluster: the default where nothing else is named."
)
@click.option(
    "--neighbors",
    "files",
    multiple=True,
    metavar="FILE|DIR|-",
    help="Read NetworkNeighbors from here, not from the cache; may be repeated.",
)
@click.option("--live", is_flag=True, help="Ask the cluster for pods, their labels and ports, and namespaces' labels.")
@click.option("--inventory", metavar="FILE", help="Read pods and namespaces from a file of objects, as for --live.")
@click.option("--explain", "flow", metavar="FLOW", help="Walk through the decision on one flow, recorded or not.")
@click.option("--wide", is_flag=True, help="Tell also what policies admit beyond what was recorded.")
@click.option("--strict", is_flag=True, help="Exit with 1 where something cannot be told, too.")
@demands
@reads_recordings_and_cluster
@known_servers_option
@output_option("table", "json", default="table", templates=False)
def command(  # noqa: PLR0913, PLR0917  # one for each option
    scope: Scope,
    connection: Connection,
    selection: tuple[str, ...],
    policy_files: tuple[str, ...],
    generated: bool,
    applied: bool,
    files: tuple[str, ...],
    live: bool,
    inventory: str | None,
    flow: str | None,
    wide: bool,
    strict: bool,
    demand: Demand,
    path: Path | None,
    output: str,
) -> int:
    """Replay everything recorded against policies, and list each flow that they would deny.

    Policies are those in the cluster, in files (-f), or as generate would write them (--generated), or all of these
    together; of the same name the later replaces the earlier, as if it were applied. Both ends of a flow are judged.
    What depends on something that was not recorded is told apart, never guessed; --live looks it up.

    Exits with 0 when nothing breaks, 1 when something does, and 2 or more for an error.

    FLOW is the first four cells of a row as it is printed (five of neighbors -A, with the namespace), or
    SOURCE -> DESTINATION:PORT/PROTOCOL; quote it.

    \b
    Examples:
      # Do the policies in the cluster deny something that was recorded in this namespace?
      kubectl netpol check
    \b
      # Would these files break anything, together with what is applied already?
      kubectl netpol check -A -f policies/ --applied
    \b
      # In a CI pipeline: no cluster, no cache
      kubectl netpol check --neighbors neighbors.yaml -f policies/ -o json
    \b
      # Why, and what policies admit that nobody used
      kubectl netpol check -f policies/ --explain 'deploy/web -> deploy/api:8080/TCP'
      kubectl netpol check deploy/api --generated --wide
    \b
      # What generate would write with the same options
      kubectl netpol check -n shop --generated --default-deny --aggregate /24
    """
    _check_flags(live, inventory, policy_files, files)
    _check_demand(demand, generated, selection, scope)
    if files:
        scope = replace(scope, origin=tuple(word for file in files for word in ("--neighbors", file)))
    chosen = parse_selection(selection)
    wish = _Wish(output, wide, strict, flow, demand.include_unanswered)
    named = tuple(policies_of_files(policy_files, scope) if policy_files else ())
    recorded = read_recorded(files, scope, chosen, _COMMAND)
    sources = Sources(named, demand if generated else None, applied or not (policy_files or generated), path)
    policies = gather_policies(sources, recorded, scope, connection)
    world = read_world(inventory, live, connection)
    if wish.flow is not None:
        return _explain(wish.flow, recorded, policies, world, scope, connection if live else None, wish)
    if live:
        from .check_input import read_enforcer  # noqa: PLC0415

        streams.note(f"policies in this cluster: {read_enforcer(connection)}")
    return _check(recorded, policies, world, scope, wish)


def _check_flags(live: bool, inventory: str | None, policy_files: tuple[str, ...], files: tuple[str, ...]) -> None:
    if live and inventory is not None:
        raise InputError("--live and --inventory exclude each other", "leave one of them out")
    if "-" in policy_files and "-" in files:
        raise InputError("-f and --neighbors cannot both be standard input", "write one of them to a file")


def _check_demand(demand: Demand, generated: bool, selection: tuple[str, ...], scope: Scope) -> None:
    if demand.flags and not generated:
        raise InputError(f"{demand.flags[0]} is for --generated", "leave it out, or add --generated")
    check_whole(demand, selection, scope, "leave out TYPE/NAME and -l")


def _check(recorded: Recorded, policies: list[NetworkPolicy], world: World, scope: Scope, wish: _Wish) -> int:
    from .check_output import print_json, print_tables, tell_summary  # noqa: PLC0415

    found = replay(recorded.accounts, policies, world, only={one.workload for one in recorded.chosen})
    wider = None
    if wish.wide:
        from ..policy.replay.width import widths  # noqa: PLC0415

        wider = widths(recorded.accounts, policies, world, wish.includes_unanswered)
    if wish.output == "json":
        print_json(found, wider, len(policies))
    else:
        print_tables(found, wider, with_namespace=not scope.namespace)
    tell_summary(found, len(policies), recorded)
    return int(bool(found.broken) or (wish.strict and bool(found.unjudged)))


def _explain(
    flow: str,
    recorded: Recorded,
    policies: Sequence[NetworkPolicy],
    world: World,
    scope: Scope,
    live: Connection | None,
    wish: _Wish,
) -> int:
    from .check_explain import explain_flow, print_explanation  # noqa: PLC0415

    found = explain_flow(flow, recorded.accounts, policies, world, scope)
    enforcer = ""
    if live is not None:
        from .check_input import read_enforcer  # noqa: PLC0415

        enforcer = read_enforcer(live)
    print_explanation(found, enforcer, wish.output)
    return int(found.answer is False or (wish.strict and found.answer is None))
