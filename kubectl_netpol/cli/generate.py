"""``kubectl netpol generate``: NetworkPolicies from what was recorded, ready for ``kubectl apply -f -``."""

from __future__ import annotations

import click

from ..errors import InputError, NetpolError
from ..model import Direction
from ..neighbors.document import to_list
from ..policy.generate import Generated, Options, generate
from . import streams
from .options import Scope, reads_recordings
from .recordings import advice, read
from .selection import Selection, parse_selection

_TYPES = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}


@click.command("generate", short_help="Print NetworkPolicies that allow what was recorded.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@click.option("--all", "everything", is_flag=True, help="Every recorded workload of the namespace, or of all with -A.")
@reads_recordings
@click.option("--policy-types", metavar="TYPES", help="Directions to isolate: Ingress, Egress or Ingress,Egress.")
@click.option("--include-unanswered", is_flag=True, help="Allow what was never answered, too.")
@click.option("--allow-empty-selector", is_flag=True, help="Allow a policy that isolates a whole namespace.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json", "name"]),
    default="yaml",
    help="How to print them. [default: yaml]",
)
def command(
    scope: Scope,
    selection: tuple[str, ...],
    everything: bool,
    policy_types: str | None,
    output: str,
    **flags: bool,
) -> None:
    """Print a NetworkPolicy for each workload, which allows what was recorded and answered, and nothing else.

    Nothing is changed in the cluster. What a reader should know before applying it is told on stderr.

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
    """
    chosen = _chosen(selection, everything, scope)
    options = Options(_directions(policy_types), **flags)
    found = read(scope, chosen, "kubectl netpol generate")
    if not found:
        raise NetpolError(f"nothing of that is recorded in {scope.place}", advice(scope))
    generated = generate(found, options)
    for note in generated.notes:
        streams.note(str(note))
    _print(generated, output, alone=chosen.is_one)


def _chosen(selection: tuple[str, ...], everything: bool, scope: Scope) -> Selection:
    if everything and selection:
        raise InputError("--all and TYPE/NAME exclude each other", "leave one of them out")
    if not (everything or selection or scope.labels):
        hint = (
            "name workloads as TYPE/NAME, as in: kubectl netpol generate deploy/nginx, or take all of them with --all"
        )
        raise InputError("no workload was named", hint)
    return parse_selection(selection)


def _directions(text: str | None) -> tuple[Direction, ...]:
    if text is None:
        return ()
    parts = [part.strip().lower() for part in text.split(",")]
    unknown = [part for part in parts if part not in _TYPES]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no policy type", "--policy-types takes Ingress, Egress or Ingress,Egress")
    return tuple(direction for name, direction in _TYPES.items() if name in parts)


def _print(generated: Generated, output: str, alone: bool) -> None:
    from ..render.document import to_json, to_name, to_yaml  # noqa: PLC0415  # not before everything else is sure

    documents = [policy.document for policy in generated.policies]
    if output == "yaml":
        streams.data(to_yaml(documents))
    elif output == "name":
        streams.data("".join(f"{to_name(document)}\n" for document in documents))
    elif documents or not alone:
        streams.data(to_json(documents[0] if alone and len(documents) == 1 else to_list(documents)))
