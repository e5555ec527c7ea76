"""``python -m kubectl_netpol.agent``: captures each network namespace of this machine but its own, onto stdout."""

from __future__ import annotations

import argparse
import os
import resource
import sys

from kubectl_netpol.errors import NetpolError

from .loop import Agent, Options


def parse_options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="kubectl_netpol.agent", description=__doc__)
    parser.add_argument("--attach", choices=("auto", "tcx", "socket"), default="auto")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between reports")
    parser.add_argument("--duration", type=float, default=0.0, help="seconds until it ends by itself; 0: never")
    parser.add_argument("--until", type=int, default=0, help="ms since the Unix epoch: when it ends at the latest")
    parser.add_argument("--node", default=os.environ.get("NODE_NAME", ""), help="the node's name, said in records")
    parser.add_argument("--max-entries", type=int, default=65536, help="neighbors that the kernel may hold")
    parser.add_argument("--node-root", default="/", help="the node's root folder; auto: that of the parent process")
    parser.add_argument("--pods-only", action="store_true", help="of namespaces without a mount only those of pods")
    found = parser.parse_args(arguments)
    if found.interval < 0.05 or min(found.duration, found.until) < 0 or not 16 <= found.max_entries <= 1 << 22:
        parser.error("the interval is at least 0.05 s, no time is negative, the entries are 16 to 4194304")
    return Options(
        found.attach,
        found.interval,
        found.duration,
        found.node,
        found.max_entries,
        found.node_root,
        found.pods_only,
        found.until,
    )


def _raise_file_limit() -> None:
    """Each interface takes a few descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    options = parse_options(sys.argv[1:])
    _raise_file_limit()
    try:
        Agent(options, sys.stdout).run()
    except NetpolError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: the capture cannot go on: {error}\nhint: it needs root on Linux", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
