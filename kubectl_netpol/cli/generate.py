"""``kubectl netpol generate``: policies from what was recorded or from files, ready for ``kubectl apply -f -``."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from ..model import NetworkNeighbors, Workload
from ..policy.kinds import convert
from . import streams
from .apply_options import Application, applies
from .demand import (
    Demand,
    allow_empty_selector_option,
    include_unanswered_option,
    policy_types_option,
    read_directions,
)
from .generation import Choice, generated_for
from .known_option import known_servers_lookup, known_servers_option
from .options import Scope
from .outputs import output_option
from .policies import print_policies, write_policies
from .policy_shape import Shape, shapes_policies
from .reads_cluster import reads_recordings_and_cluster
from .recorded import files_option
from .selection import parse_selection

_COMMAND = "kubectl netpol generate"


@click.command("generate", short_help="Print NetworkPolicies that allow what was recorded.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@click.option("--all", "everything", is_flag=True, help="Every recorded workload of the namespace, or of all with -A.")
@files_option
@shapes_policies
@reads_recordings_and_cluster
@applies
@policy_types_option
@include_unanswered_option
@allow_empty_selector_option
@known_servers_option
@output_option("yaml", "json", "name")
@click.option(
    "--output-dir",
    metavar="DIR",
    help="Write a file for each policy, and only those that changed.",
)
def command(  # noqa: PLR0913, PLR0917  # one for each option
    scope: Scope,
    application: Application,
    selection: tuple[str, ...],
    everything: bool,
    files: tuple[str, ...],
    shape: Shape,
    policy_types: str | None,
    path: Path | None,
    output: str | None,
    output_dir: str | None,
    **flags: bool,
) -> int:
    """Print a NetworkPolicy for each workload, which allows what was recorded and answered, and nothing else.

    Nothing is changed in the cluster without --apply. What a reader should know before applying it is told on stderr.
    With -f the input is NetworkNeighbors, NetworkNeighborhood or ContainerProfile documents; no cluster and no cache
    is needed, and all of them are taken unless TYPE/NAME, -n or -l choose.

    \b
    Examples:
      # Look at the policy of one workload, then apply it
      kubectl netpol generate deploy/nginx
      kubectl netpol generate deploy/nginx | kubectl apply -f -
    \b
      # All recorded workloads of a namespace, isolated in both directions
      kubectl netpol generate --all -n shop --policy-types Ingress,Egress
    \b
      # Only from what was seen in the last week, as JSON
      kubectl netpol generate sts/db --since 7d -o json
    \b
      # From files, and as the format of Kubescape; or into a git repository of policies
      kubectl netpol generate -f neighbors.yaml --kind GeneratedNetworkPolicy
      kubectl netpol generate -f recordings/ --output-dir policies/
    \b
      # For a cluster with Cilium, where names stand for outside addresses
      kubectl netpol generate --all --kind CiliumNetworkPolicy
    \b
      # With a default-deny for whatever else is in the namespace; which workloads that cuts off is asked of the cluster
      kubectl netpol generate --all -n shop --default-deny --live
    \b
      # Apply them: show what would change, ask, and put the earlier state back unless it is confirmed in time
      kubectl netpol generate deploy/nginx --apply
      kubectl netpol generate --all -n shop --apply --rollback-after 10m
    """
    application.check(shape.kind, output, output_dir)
    folder = _folder(output_dir, output or "yaml")
    lookup = known_servers_lookup(path)
    demand = Demand(
        read_directions(policy_types), default_deny=application.default_deny, aggregate=shape.aggregate, **flags
    )
    choice = Choice(scope, selection, everything, files, demand)
    found, generated = generated_for(choice, lookup, _COMMAND)
    generated = convert(generated, shape.kind, shape.context(scope, lookup))
    for note in generated.notes:
        streams.note(str(note))
    _tell_completeness(found, {policy.workload for policy in generated.policies})
    if application.default_deny and (application.live or application.is_wanted):
        from .unheard import tell_unheard  # noqa: PLC0415

        tell_unheard(application.connection, found, generated.policies)
    if application.is_wanted:
        from .apply import apply_policies  # noqa: PLC0415  # the cluster's client, half a second

        return apply_policies(application, scope, found, generated.policies)
    if folder is not None:
        write_policies(generated.policies, output or "yaml", folder)
    else:
        print_policies(generated.policies, output or "yaml", parse_selection(selection).is_one)
    return 0


def _tell_completeness(found: list[NetworkNeighbors], covered: set[Workload]) -> None:
    from .completeness import sentence  # noqa: PLC0415  # not for what fails before
    from .silences import unheard_pods  # noqa: PLC0415

    for text in unheard_pods(found):
        streams.note(text)
    for one in sorted(found, key=lambda one: one.workload):
        told = sentence(one) if one.workload in covered else ""
        if told:
            streams.note(f"{one.workload.described}: {told}")


# An empty name is a variable that a script did not set; as a path it would be the working directory.
def _folder(output_dir: str | None, output: str) -> Path | None:
    if output_dir is None:
        return None
    if not output_dir or "\0" in output_dir:
        raise InputError(f"--output-dir {output_dir!r:.80} names no folder", "write . for the working directory")
    if output not in ("yaml", "json"):
        raise InputError(
            f"--output-dir writes policies, and -o {output.partition('=')[0]} has none", "write them as yaml or json"
        )
    return Path(output_dir)
