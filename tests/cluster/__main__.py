"""make cluster, make cluster-down: python -m tests.cluster [build | start | stop]"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from .build import build
from .calico import PROXY_MODES
from .cluster import start, stop
from .layout import BINARIES
from .networks import NETWORKS, choose
from .processes import ClusterError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A Kubernetes on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what is missing")
    starting = commands.add_parser("start", help="build, start, and print how to use it")
    for command in (building, starting):
        command.add_argument("--network", choices=NETWORKS, default=NETWORKS[0], help="cilium: without kube-proxy")
        command.add_argument("--proxy-mode", choices=PROXY_MODES, help="how kube-proxy works")
    commands.add_parser("stop", help="remove all of it, except what was built")
    arguments = parser.parse_args()
    try:
        if arguments.command == "build":
            build(choose(arguments.network, arguments.proxy_mode))
        elif arguments.command == "start":
            print(f"export KUBECONFIG={start(choose(arguments.network, arguments.proxy_mode)).kubeconfig}")
            print(f'export PATH="{BINARIES}:{Path(sys.executable).parent}:$PATH"')
        else:
            stop()
    except (ClusterError, TimeoutError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
