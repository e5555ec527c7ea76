"""``kubectl netpol diff``: what is applied, against what would be generated now."""

from __future__ import annotations

from pathlib import Path

import click

from . import streams
from .connection import Connection, need_kubeconfig
from .demand import Demand, demands
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
@demands
@known_servers_option
@output_option("words", "yaml", default="words", templates=False)
def command(
    connection: Connection,
    scope: Scope,
    selection: tuple[str, ...],
    everything: bool,
    demand: Demand,
    path: Path | None,
    output: str,
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
      # With the options that they were generated with
      kubectl netpol diff --all -n shop --default-deny --aggregate /24
    \b
      # As text
      kubectl netpol diff --all -n shop -o yaml
    """
    need_kubeconfig(connection)
    choice = Choice(scope, selection, everything, (), demand)
    accounts, generated = generated_for(choice, known_servers_lookup(path), _COMMAND)
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
