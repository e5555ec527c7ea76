"""The frozen program's start. Called as Python is, ``-m MODULE``, it is one of its own helpers.

The program starts its agent, the agent its socket worker, and the demo its commands as ``sys.executable -m MODULE``.
Frozen, ``sys.executable`` is the program itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def main() -> None:
    """Runs the command line, or the helper that is asked for."""
    _free_children()
    helper = _helper(sys.argv[1:3])
    if helper:
        del sys.argv[1:3]
        sys.exit(helper())
    from kubectl_netpol.cli.main import main as run  # noqa: PLC0415  # a helper does not need it

    run()


# The loader has set it for this process, which has its libraries by now; the programs that it starts have their own.
def _free_children() -> None:
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


def _helper(words: list[str]) -> Callable[[], int | None] | None:
    match words:
        case ["-m", "kubectl_netpol.agent"]:
            from kubectl_netpol.agent.__main__ import main as agent  # noqa: PLC0415

            return agent
        case ["-m", "kubectl_netpol.agent.sockets"]:
            from kubectl_netpol.agent.sockets import main as sockets  # noqa: PLC0415

            return sockets
        case ["-m", "kubectl_netpol"]:
            from kubectl_netpol.cli.main import main as program  # noqa: PLC0415

            return program
        case _:
            return None


if __name__ == "__main__":
    main()
