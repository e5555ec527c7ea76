"""``kubectl netpol generate``: policies from what was recorded or from files, ready for ``kubectl apply -f -``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import click

from ..errors import InputError
from ..model import Direction, NetworkNeighbors
from ..policy.generate import Options, generate
from ..policy.rules import Lookup, no_servers
from . import streams
from .known_option import known_servers_option, known_servers_place
from .options import Scope, reads_recordings
from .policies import print_policies, write_policies
from .selection import Selection, parse_selection

KINDS = ("NetworkPolicy", "GeneratedNetworkPolicy")
_COMMAND = "kubectl netpol generate"
_TYPES = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}


@click.command("generate", short_help="Print NetworkPolicies that allow what was recorded.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@click.option("--all", "everything", is_flag=True, help="Every recorded workload of the namespace, or of all with -A.")
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    metavar="FILE|DIR|-",
    help="Read NetworkNeighbors from here, not from the cache; may be repeated.",
)
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], help=f"What to print. [default: {KINDS[0]}]")
@reads_recordings
@click.option("--policy-types", metavar="TYPES", help="Directions to isolate: Ingress, Egress or Ingress,Egress.")
@click.option("--include-unanswered", is_flag=True, help="Allow what was never answered, too.")
@click.option(
    "--allow-empty-selector", is_flag=True, help="Allow a policy of a whole namespace, and peers that are all its pods."
)
@known_servers_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json", "name"]),
    default="yaml",
    help="How to print them. [default: yaml]",
)
@click.option(
    "--output-dir",
    metavar="DIR",
    help="Write a file for each policy, and only those that changed.",
)
def command(  # noqa: PLR0913, PLR0917  # one for each option
    scope: Scope,
    selection: tuple[str, ...],
    everything: bool,
    files: tuple[str, ...],
    kind: str,
    policy_types: str | None,
    path: Path | None,
    output: str,
    output_dir: str | None,
    **flags: bool,
) -> None:
    """Print a NetworkPolicy for each workload, which allows what was recorded and answered, and nothing else.

    Nothing is changed in the cluster. What a reader should know before applying it is told on stderr. With -f the
    input is NetworkNeighbors, NetworkNeighborhood or ContainerProfile documents; no cluster and no cache is needed,
    and all of them are taken unless TYPE/NAME, -n or -l choose.

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
    """
    chosen = _chosen(selection, everything, scope, bool(files))
    options = Options(_directions(policy_types), **flags)
    folder = _folder(output_dir, output)
    lookup = _lookup(path)
    generated = generate(_found(files, scope, chosen), options, lookup)
    policies = generated.policies
    if kind != KINDS[0]:
        from ..policy.generated import to_generated  # noqa: PLC0415

        policies = tuple(map(to_generated, policies))
    for note in generated.notes:
        streams.note(str(note))
    if folder is not None:
        write_policies(policies, output, folder)
    else:
        print_policies(policies, output, chosen.is_one)


# An empty name is a variable that a script did not set; as a path it would be the working directory.
def _folder(output_dir: str | None, output: str) -> Path | None:
    if output_dir is None:
        return None
    if not output_dir or "\0" in output_dir:
        raise InputError(f"--output-dir {output_dir!r:.80} names no folder", "write . for the working directory")
    if output == "name":
        raise InputError("--output-dir writes policies, and -o name has none", "write them as yaml or json")
    return Path(output_dir)


def _found(files: tuple[str, ...], scope: Scope, chosen: Selection) -> list[NetworkNeighbors]:
    if files:
        from .documents import read_files  # noqa: PLC0415  # no YAML for what the cache holds, and no cache for files

        return read_files(files, scope, chosen, _COMMAND)
    from .recordings import absence, read  # noqa: PLC0415

    found = read(scope, chosen, _COMMAND)
    if not found:
        raise absence(scope, chosen)
    return found


# An address comes several times: as a peer, in a comment, in policyRef.
def _lookup(path: Path | None) -> Lookup:
    file, is_named = known_servers_place(path)
    if not is_named and not file.exists():
        return no_servers
    from ..known_servers.store import read_lookup  # noqa: PLC0415  # YAML, which few need

    return lru_cache(maxsize=1 << 16)(read_lookup(file, is_named))


def _chosen(selection: tuple[str, ...], everything: bool, scope: Scope, has_files: bool) -> Selection:
    if everything and selection:
        raise InputError("--all and TYPE/NAME exclude each other", "leave one of them out")
    if not (everything or selection or scope.labels or has_files):
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
