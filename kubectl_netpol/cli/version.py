"""``kubectl netpol version``."""

from __future__ import annotations

import platform

import click

from .. import __version__
from ..errors import NetpolError
from . import streams
from .connection import Connection, connects
from .outputs import output_option


@click.command("version", short_help="Print the version.")
@click.option("--client", "client_only", is_flag=True, help="If true, shows client version only (no server required).")
@output_option("text", "json", "yaml", default="text", templates=False)
@connects
def command(connection: Connection, client_only: bool, output: str) -> int:
    """Print the version of this program, of Python and the kernel below it, and of the cluster where there is one.

    As kubectl version does, it asks the current context's cluster unless --client is given, and exits with 1 when that
    does not answer.

    \b
    Examples:
      kubectl netpol version
      kubectl netpol version --client -o json
    """
    facts: dict[str, dict[str, str]] = {"clientVersion": _client()}
    problem: NetpolError | None = None
    if not client_only and connection.is_there:
        try:
            facts["serverVersion"] = _server(connection)
        except NetpolError as error:
            problem = error
    _print(facts, output)
    if problem:
        raise problem
    return 0


def _client() -> dict[str, str]:
    return {
        "gitVersion": f"v{__version__}",
        "kernel": platform.release(),
        "platform": f"{platform.system().lower()}/{_ARCHITECTURES.get(platform.machine(), platform.machine())}",
        "python": platform.python_version(),
    }


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


# Plain texts only: what answers there may say anything.
def _server(connection: Connection) -> dict[str, str]:
    told = connection.open().get("/version")
    names = ("major", "minor", "gitVersion", "platform")
    return {name: told[name] for name in names if isinstance(told.get(name), str)}


def _print(facts: dict[str, dict[str, str]], output: str) -> None:
    if output != "text":
        from ..render.document import to_json, to_yaml  # noqa: PLC0415

        streams.data(to_json(facts) if output == "json" else to_yaml([facts]))
        return
    client, server = facts["clientVersion"], facts.get("serverVersion")
    streams.line(f"Client Version: {client['gitVersion']}")
    streams.line(f"Python: {client['python']}, {client['platform']}, kernel {client['kernel']}")
    if server:
        streams.line(f"Server Version: {server.get('gitVersion', 'unknown')}")
