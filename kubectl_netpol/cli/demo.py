"""``kubectl netpol demo``: the whole product on this machine, without a cluster."""

from __future__ import annotations

import sys

import click

from . import streams


@click.command("demo", short_help="See the whole product work on this machine, in half a minute.")
@click.option(
    "--attach",
    type=click.Choice(["auto", "tcx", "socket"]),
    default="auto",
    show_default=True,
    help="How to see packets, as in record.",
)
@click.option("--replay", is_flag=True, help="Show the shipped recording, even where this machine could be recorded.")
def command(attach: str, replay: bool) -> None:
    """Build a small shop of network namespaces, record it with eBPF, and print policies for it.

    It all happens on a private machine inside this one, with no way out; when the demo ends, by itself or by Ctrl-C,
    nothing of it is left. It needs root on Linux; elsewhere it replays a recording that comes with the program.

    \b
    Examples:
      # Watch the whole way, from packets to policies
      sudo kubectl netpol demo
    \b
      # Without root
      kubectl netpol demo --replay
    """
    from ..demo.script import play  # noqa: PLC0415  # not for --help

    play(_say, attach, replay)


def _say(text: str) -> None:
    # Programs that the demo starts print to the same place: what was said before has to be out before them.
    streams.line(text)
    sys.stdout.flush()
