"""Every command line that a document shows, run as it is written, in bash on a terminal, each with its expected end.

The user here has the sample application in namespace shop, to which the kubeconfig leads, and a recording of it. Those
that read what providers publish are run by tests/kernel/test_published.py; documented.ELSEWHERE tells of others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from tests import captured, documented, netobserv, published

from .cluster import Cluster
from .conftest import NAMESPACES
from .layout import BINARIES
from .namespaces import leaving, make
from .processes import wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="it is about commands, and once is enough"),
]

GUARD = "kubectl-netpol/guard"
SESSION = "k7m2px"
"""The documents' session."""

LAST = (
    "hubble observe",
    "kubectl netpol import",
    "kubectl netpol cache clear",
    "kubectl netpol completion uninstall",
    "kubectl netpol known-servers remove",
    "rm ",
)
"""The beginnings of what brings others' flows into the recording, and takes away what others need, in their order."""

OTHERS = {
    "hubble": "cat flows.jsonl",
    "ssh": 'shift; exec "$@"',
    "dot": "cat",
}
"""Others' programs in pipes, as small as the pipe allows."""

KNOWN_SERVERS = "knownservers.spdx.softwarecomposition.kubescape.io"
HUBBLE = documented.ROOT / "tests/unit/imports/data/hubble-kube-proxy.jsonl"
OBJECTS = "pods,services,endpointslices,namespaces,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,nodes"

NGINX = "import time, urllib.request as u\nwhile 1: u.urlopen('http://web').read(); time.sleep(1)"
"""The documents' favourite, of which the application knows nothing: it asks web."""


@dataclass(frozen=True, slots=True)
class User:
    """Who types the commands: a home with the files that the documents speak of."""

    cluster: Cluster
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.home}/bin:{BINARIES}:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": str(self.home), "KUBECONFIG": str(self.home / "kubeconfig"), "TERM": "xterm"}

    def run(self, *words: str) -> str:
        """What a command of the plugin prints that has to succeed and asks nothing."""
        command = ["kubectl", "netpol", *words]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def type(self, line: str) -> Terminal:
        """Types a line into a terminal."""
        options: Any = {"cwd": str(self.home), "env": self.environment, "encoding": "utf-8", "timeout": 90}
        return Terminal(pexpect.spawn("/bin/bash", ["-o", "pipefail", "-c", line], dimensions=(50, 250), **options))

    def sessions(self) -> list[str]:
        return [one["name"] for one in json.loads(self.run("sessions", "-A", "-o", "json"))["items"]]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal in which a command runs."""

    child: pexpect.spawn[str]

    def answer(self, expected: str, keys: str) -> None:
        """Waits for those words and types these keys."""
        self.child.expect(expected)
        self.child.send(keys)

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was printed since the last words that were waited for."""
        self.child.expect(pexpect.EOF)
        self.child.wait()  # to close it would end what has closed its output and not yet ended
        return self.child.exitstatus if self.child.exitstatus is not None else -1, self.child.before or ""


def lines() -> list[str]:
    """The command lines, each once, in the order in which one leaves what the next needs."""
    return sorted(documented.others(), key=lambda line: sum(n for n, one in enumerate(LAST, 1) if line.startswith(one)))


@pytest.fixture(scope="module")
def user(application: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    found = User(application, tmp_path_factory.mktemp("user"))
    make_home(found)
    # Their pods would be recorded too.
    wait_until(lambda: not leaving(application), 120, "other tests' namespaces are gone")
    try:
        make_nginx(application)
        add_kubescape(application)
        make(application, "netpol")
        # The CronJob runs each minute. What only a later recording of shop alone hears, CoreDNS's policy would lack.
        found.run("record", "-A", "-q", "--duration", "90s")
        write_files(found)
        yield found
    finally:
        take_away(found)


def make_home(user: User) -> None:
    """The program, others' programs, and a kubeconfig whose namespace is shop."""
    (user.home / "bin").mkdir()
    (user.home / "bin/kubectl-netpol").symlink_to(Path(sys.executable).parent / "kubectl-netpol")
    for name, script in OTHERS.items():
        (user.home / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (user.home / "bin" / name).chmod(0o755)
    config = user.home / "kubeconfig"
    config.write_text(user.cluster.kubeconfig.read_text())
    user.cluster.kubectl("--kubeconfig", str(config), "config", "set-context", "--current", "--namespace=shop")


def take_away(user: User) -> None:
    """Leaves the application as other tests expect it. Waits, as nginx's pods would be recorded by them."""
    for name in user.sessions():
        user.run("stop", name)
    user.cluster.kubectl("-n", "shop", "delete", "deployment", "nginx", "--ignore-not-found", "--cascade=foreground")
    user.cluster.kubectl("delete", "crd", KNOWN_SERVERS, "--ignore-not-found")
    user.cluster.kubectl("delete", "namespace", "netpol", "--ignore-not-found", "--wait=false")


def make_nginx(cluster: Cluster) -> None:
    cluster.kubectl(
        "-n", "shop", "create", "deployment", "nginx", "--image=cluster.test/python:3", "--", "python3", "-c", NGINX
    )
    cluster.kubectl("-n", "shop", "rollout", "status", "deployment/nginx", "--timeout=60s", timeout=70)


def add_kubescape(cluster: Cluster) -> None:
    """A KnownServer in the cluster, and its kind, as where Kubescape is installed."""
    group, names = KNOWN_SERVERS.partition(".")[2], {"kind": "KnownServer", "plural": "knownservers"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": schema}
    kind = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": KNOWN_SERVERS},
        "spec": {"group": group, "names": names, "scope": "Cluster", "versions": [version]},
    }
    server = {
        "apiVersion": f"{group}/v1beta1",
        "kind": "KnownServer",
        "metadata": {"name": "offices"},
        "spec": [{"ipBlock": "192.0.2.0/24", "name": "office", "server": "example.com"}],
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(kind))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{KNOWN_SERVERS}", "--timeout=30s")
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(server))


def write_files(user: User) -> None:
    """Those that the documents speak of, made as they say, or as their makers write them."""
    home, of_the_cluster = user.home, user.cluster.kubectl("get", "-A", "-o", "yaml", OBJECTS)
    documents = user.run("neighbors", "-A", "-o", "yaml")
    flow = netobserv.flow(netobserv.WEB, netobserv.DB, (40000, 5432), 2)
    texts = {
        "cluster.yaml": of_the_cluster,
        "objects.yaml": of_the_cluster,
        "neighbors.yaml": documents,
        "recordings/all.yaml": documents,
        "api.yaml": user.run("neighbors", "deploy/api", "-o", "yaml"),
        "flows.jsonl": HUBBLE.read_text(),
        "output/flow/flows.json": flow,
        "recordings.ndjson": user.run("cache", "export"),
        "ServiceTags_Public.json": published.PUBLISHED["azure"][0],
        "offices.txt": published.PUBLISHED["text"][0],
        "ip-ranges.json": published.PUBLISHED["aws"][0],
    }
    for name, text in texts.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    api, db = (address_of(user.cluster, app) for app in ("api", "db"))
    (home / "node.pcap").write_bytes(captured.classic(captured.connection(api, db), at=int(time.time())))
    user.run("known-servers", "add", "github", "--ip-block", "142.250.1.0/24", "--server", "github.com")
    (home / "known-servers.yaml").write_text(user.run("known-servers", "export"))
    user.run("known-servers", "import", "--from", "aws", "ip-ranges.json")
    (home / "my-own-export.yaml").write_text(user.run("known-servers", "export"))
    user.run("generate", "-f", "neighbors.yaml", "--output-dir", "policies/")
    forget_db(home / "api.yaml")


def address_of(cluster: Cluster, app: str) -> str:
    """That of a pod with that label."""
    return cluster.kubectl("-n", "shop", "get", "pods", "-l", f"app={app}", "-o", "jsonpath={.items[0].status.podIP}")


def forget_db(file: Path) -> None:
    """Deletes the entry with app: db under egress, as the README has its reader do."""
    document = yaml.safe_load(file.read_text())
    egress = document["spec"]["egress"]
    document["spec"]["egress"] = [one for one in egress if one.get("podSelector") != {"matchLabels": {"app": "db"}}]
    assert len(document["spec"]["egress"]) == len(egress) - 1
    file.write_text(yaml.safe_dump(document))


@pytest.fixture
def open_namespace(user: User) -> Iterator[User]:
    """The namespaces are left without policies and guards."""
    yield user
    user.cluster.kubectl("-n", "shop", "delete", "jobs", "-l", GUARD)
    for namespace in (*NAMESPACES, "kube-system"):
        user.cluster.kubectl("-n", namespace, "delete", "networkpolicies", "--all")


@pytest.mark.parametrize("line", lines())
def test_a_documented_command_does_what_it_says(line: str, open_namespace: User) -> None:
    user, words = open_namespace, documented.words_of(line) or []
    code, said = run(user, filled_in(line, words, user), words)
    assert code in expected_codes(words), said
    assert "Traceback" not in said
    assert "internal:" not in said
    if line.endswith("> api.yaml"):
        forget_db(user.home / "api.yaml")


def filled_in(line: str, words: list[str], user: User) -> str:
    """The line with what its placeholders stand for, and with what it needs to be there."""
    line = line.replace("FILE", "flows.jsonl" if "import" in words else "neighbors.yaml")
    if {"policies/", "neighbors.yaml"} <= set(words):  # the recording is kept beside the policies that were made of it
        user.run("generate", "-f", "neighbors.yaml", "--output-dir", "policies/")
    if words[:1] in (["sessions"], ["collect"], ["stop"]):
        record = ("record", "-n", "shop", "--detach", "--duration", "24h")
        names = user.sessions() or [user.run(*record).split()[-1]]
        line = line.replace(SESSION, names[0]).replace("NAME", names[0])
    if words[:1] in (["confirm"], ["rollback"]):
        user.run("generate", "--all", "-n", "shop", "--apply", "--yes", "--rollback-after", "10m", "--no-watch")
        label = user.cluster.kubectl("-n", "shop", "get", "jobs", "-l", GUARD, "-L", GUARD, "--no-headers")
        line = line.replace(SESSION, label.split()[-1])
    return line


def expected_codes(words: list[str]) -> tuple[int, ...]:
    if "api.yaml" in words:  # one flow would break, or breaks and is rolled back
        return (1,)
    if "--watch" in words:  # until Ctrl-C
        return (130,)
    if "--explain" in words:  # api serves this port, and no other
        return (0,) if ":9000/" in words[-1] else (1,)
    if words[:1] == ["diff"]:  # nothing is applied
        return (1,)
    # What was recorded since may not be in policies/ yet: a CronJob's run.
    return (0, 1) if "policies/" in words and words[0] == "check" and "--neighbors" not in words else (0,)


def run(user: User, line: str, words: list[str]) -> tuple[int, str]:
    """Types it, and whatever it waits for; its exit code, and what it said last."""
    terminal = user.type(line)
    if words[:1] == ["record"] and not {"--help", "--detach", "--dry-run=client", "8s"} & set(words):
        terminal.answer(r"[1-9]\d* neighbors", "\x03")
    elif "--watch" in words:
        terminal.answer("WORKLOAD", "\x03")
    elif "--apply" in words and "--dry-run=server" not in words:
        return apply(user, terminal, words)
    elif words == ["cache", "clear"]:
        terminal.answer(r"\[y/N\]", "y\n")
    return terminal.end()


def apply(user: User, terminal: Terminal, words: list[str]) -> tuple[int, str]:
    if "--yes" not in words:
        terminal.answer(r"\[y/N\]", "y\n")
    if "--rollback-after" in words and "api.yaml" not in words:
        terminal.child.expect("watching;")
        user.run("confirm")
    return terminal.end()
