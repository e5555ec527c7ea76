"""``kubectl netpol completion``: sets up what kubectl asks when TAB is pressed; scripts for the plain program."""

from __future__ import annotations

import os
from pathlib import Path

import click

from . import streams
from .completion_link import find_home, link, unlink
from .completion_scripts import SCRIPTS
from .nearest import Group

_SOURCE = {
    "bash": "source <(kubectl completion bash)",
    "zsh": "autoload -Uz compinit; compinit; source <(kubectl completion zsh)",
    "fish": "kubectl completion fish | source",
}
_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}


@click.group("completion", cls=Group, short_help="Let the shell complete these commands.")
def command() -> None:
    """Let the shell complete these commands.

    kubectl (1.26 or newer) completes a plugin's words by asking a second program, kubectl_complete-netpol, which is
    this one by another name. `install` makes that name, beside kubectl-netpol or in ~/.local/bin. pip and pipx make
    it too.

    \b
    Examples:
      kubectl netpol completion install
      kubectl netpol completion uninstall
    """


@command.command("install")
@click.option("--dir", "folder", metavar="DIR", help="Where to make it; a folder of the PATH that is there already.")
def install(folder: str | None) -> None:
    """Let kubectl complete these commands. Doing it twice changes nothing.

    \b
    Examples:
      kubectl netpol completion install
      kubectl netpol completion install --dir ~/bin
    """
    place = find_home(os.environ, Path(folder).expanduser().absolute() if folder else None)
    made = link(place)
    streams.line(f"{place.link} {'created' if made else 'unchanged'}")
    for sentence in place.remarks:
        streams.note(sentence)
    shell = Path(os.environ.get("SHELL", "")).name
    shell = shell if shell in _SOURCE else "bash"
    streams.say(f"hint: kubectl's own completion has to be on; in {_FILES[shell]}: {_SOURCE[shell]}")


@command.command("uninstall")
@click.option("--dir", "folder", metavar="DIR", help="Where it was made, if that is no folder of the PATH.")
def uninstall(folder: str | None) -> None:
    """Take away what install made, wherever on the PATH it is.

    \b
    Examples:
      kubectl netpol completion uninstall
    """
    removed = unlink(os.environ, Path(folder).expanduser().absolute() if folder else None)
    for file in removed:
        streams.line(f"{file} removed")
    if not removed:
        streams.say("there is nothing to remove")


def _script(shell: str) -> click.Command:
    @click.command(shell, short_help=f"Print a script for {shell} that completes kubectl-netpol itself.")
    def script() -> None:
        streams.data(SCRIPTS[shell])

    script.help = (
        f"Print a script for {shell} that completes the program when it is called kubectl-netpol, without kubectl.\n\n"
        f"\b\nExamples:\n  kubectl netpol completion {shell}\n"
    )
    return script


for _shell in SCRIPTS:
    command.add_command(_script(_shell))
