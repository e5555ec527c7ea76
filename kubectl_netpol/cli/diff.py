"""``kubectl netpol diff``: what is applied, against what would be generated now."""

from __future__ import annotations

from pathlib import Path

import click

from . import streams
from .connection import Connection, need_kubeconfig
from .generation import Choice, generated_for
from .known_option import known_servers_lookup, known_servers_option
from .options import Scope
from .outputs import output_option
from .reads_cluster import reads_recordings_and_cluster

_COMMAND = "kubectl netpol diff"


@click.command("diff", short_help="Compare the policies in the cluster with those that would be generated.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@click.option("--all", "everything", is_flag=True, help="Every recorded workload of the namespace, or of all with -A.")
@reads_recordings_and_cluster
@click.option(
    "--policy-types",
    metavar="TYPES",
    help="Directions to isolate, also by --default-deny: Ingress, Egress or Ingress,Egress.",
)
@click.option("--include-unanswered", is_flag=True, help="Allow what was never answered, too.")
@click.option(
    "--allow-empty-selector", is_flag=True, help="Allow a policy of a whole namespace, and peers that are all its pods."
)
@click.option("--default-deny", is_flag=True, help="Each namespace's default-deny, too.")
@known_servers_option
@output_option("words", "yaml", default="words", templates=False)
def command(  # one for each option
    connection: Connection,
    scope: Scope,
    selection: tuple[str, ...],
    everything: bool,
    policy_types: str | None,
    path: Path | None,
    output: str,
    default_deny: bool,
    **flags: bool,
) -> int:
    """Compare the policies in the cluster with those that would be generated now.

    Of the cluster's policies those count that bear the names of generated ones. + is what a workload gains by an apply,
    - what it loses, = what stays of a wider rule or an open direction. Nothing is changed. Exits with 0 when nothing
    differs, with 1 when something does, and with more than 1 when it cannot be told.

    \b
    Examples:
      # What would change for one workload, or for all that were recorded in a namespace
      kubectl netpol diff deploy/nginx
      kubectl netpol diff --all -n shop
    \b
      # As text
      kubectl netpol diff --all -n shop -o yaml
    """
    need_kubeconfig(connection)
    choice = Choice(scope, selection, everything, (), policy_types, default_deny)
    accounts, generated = generated_for(choice, known_servers_lookup(path), flags, _COMMAND)
    from ..apply.applied import policies_in, steps  # noqa: PLC0415  # half a second
    from .changes import as_text, foreign_notes, in_words  # noqa: PLC0415

    for note in generated.notes:
        if note.text.startswith("no policy"):
            streams.note(str(note))
    present = policies_in(connection.open(), (one.workload.namespace for one in generated.policies))
    found = steps(generated.policies, accounts, present)
    for text in foreign_notes(found):
        streams.note(text)
    if output == "yaml":
        text = as_text(found)
        streams.data(text)
        return int(bool(text))
    lines = list(in_words(found))
    for line in lines:
        streams.line(line)
    return int(bool(lines))
