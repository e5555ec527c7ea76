"""``kubectl netpol version``."""

from __future__ import annotations

import json
import platform

import click

from .. import __version__
from . import streams


@click.command("version", short_help="Print the version.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def command(output: str) -> None:
    """Print the version of this program, and of Python and the kernel below it.

    \b
    Examples:
      kubectl netpol version
      kubectl netpol version -o json
    """
    facts = {"kubectl-netpol": __version__, "python": platform.python_version(), "kernel": platform.release()}
    if output == "json":
        streams.data(json.dumps(facts, indent=4) + "\n")
    else:
        streams.data("".join(f"{name} {value}\n" for name, value in facts.items()))
