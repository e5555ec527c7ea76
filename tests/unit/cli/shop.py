"""A namespace ``shop`` as an API server keeps it, in memory: policies, Jobs, and a guard's pod that is ready."""

import json
from urllib.parse import parse_qsl

import pytest
import yaml

from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cluster.resources import ACCESS_REVIEW, CONTROLLERS, JOB, NETWORK_POLICY, POD, SERVICE_ACCOUNT
from kubectl_netpol.cluster.trouble import RefusedError
from kubectl_netpol.errors import NetpolError

COLLECTIONS = {resource.path("shop") for resource in (NETWORK_POLICY, POD, *CONTROLLERS)}
POLICIES = NETWORK_POLICY.path("shop")
JOBS = JOB.path("shop")


class Shop:
    """Speaks as ``Api``. ``refused``: what the API server answers to an apply of a policy, or raises, by its name.

    ``meanwhile`` is called once, when a guard's pod is looked at. ``after_apply`` is called with the name of a policy
    right after it was applied (no dry run).
    """

    skew = 0
    has_cilium = False

    def __init__(self):
        self.objects = {}
        self.refused = {}
        self.meanwhile = lambda: None
        self.after_apply = lambda _: None
        self._version = 0

    def put(self, path, body):
        self._version += 1
        metadata = {"uid": f"u{self._version}"} | body["metadata"] | {"resourceVersion": str(self._version)}
        self.objects[path] = json.loads(json.dumps(body | {"metadata": metadata}))
        return self.objects[path]

    def policy(self, name, **metadata):
        """A policy is there, of nobody's; its path."""
        document = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"} | metadata,
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]},
        }
        self.put(f"{POLICIES}/{name}", document)
        return f"{POLICIES}/{name}"

    def job(self, name, labels):
        """A Job is there, with its pod."""
        for kind, version, path, end in (("Job", "batch/v1", JOBS, ""), ("Pod", "v1", POD.path("shop"), "-1")):
            owner = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": name, "controller": True}]
            metadata = {"name": f"{name}{end}", "namespace": "shop", "uid": f"{name}{end}", "labels": labels}
            metadata |= {"ownerReferences": owner} if end else {}
            self.put(f"{path}/{name}{end}", {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {}})

    def names(self, collection=POLICIES):
        return [path.rpartition("/")[2] for path in self.objects if path.rpartition("/")[0] == collection]

    def get(self, path, query=None, silence=60.0):
        if path == POD.path("shop") and any(name.endswith("-pod") for name in self.names(path)):
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
        if path in self.objects:
            return self.objects[path]
        if path == "/apis":
            return {"groups": [{"name": "cilium.io", "versions": [{"version": "v2"}]}] if self.has_cilium else []}
        if path == "/apis/cilium.io/v2":
            return {"resources": [{"name": "ciliumnetworkpolicies"}]}
        if path == "/apis/cilium.io/v2/ciliumnetworkpolicies":
            raise RefusedError(403, "Forbidden", "no")
        if path not in COLLECTIONS:
            raise RefusedError(404, "NotFound", f"{path} not found")
        key, _, value = str((query or {}).get("labelSelector", "")).partition("=")
        found = [self.objects[f"{path}/{name}"] for name in self.names(path)]
        return {"items": [one for one in found if not key or _bears(one, key, value)], "metadata": {}}

    def create(self, path, body, query=None):
        if path == ACCESS_REVIEW.path():
            return {"status": {"allowed": True}}
        if (query or {}).get("dryRun"):
            return body
        name = body["metadata"]["name"]
        if path == SERVICE_ACCOUNT.path("shop"):  # what the Job's pod waited for
            labels = self.objects[f"{JOBS}/{name}"]["spec"]["template"]["metadata"]["labels"]
            metadata = {"name": f"{name}-pod", "namespace": "shop", "labels": labels}
            self.put(f"{POD.path('shop')}/{name}-pod", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        return self.put(f"{path}/{name}", body)

    def merge(self, path, body):
        found = self.get(path)
        annotations = found["metadata"].get("annotations", {}) | body.get("metadata", {}).get("annotations", {})
        return self.put(path, found | {"metadata": found["metadata"] | {"annotations": annotations}})

    def apply(self, path, body, query):
        name = path.rpartition("/")[2]
        if query["dryRun"]:
            return body
        if error := self.refused.get(name):
            raise error if isinstance(error, NetpolError) else RefusedError(403, "Forbidden", error)
        metadata = dict(body["metadata"])
        present = self.objects.get(path, {"metadata": {"uid": ""}})["metadata"]
        if any(metadata.get(key, present.get(key)) != present.get(key) for key in ("uid", "resourceVersion")):
            raise RefusedError(409, "Conflict", f'Operation cannot be fulfilled on "{name}": it has been modified')
        metadata |= {"managedFields": [{"manager": "kubectl-netpol", "operation": "Apply"}]}
        metadata |= {"uid": present["uid"]} if path in self.objects else {}
        made = self.put(path, dict(body) | {"metadata": metadata})
        self.after_apply(name)
        return made

    def delete(self, path, body=None, query=None):
        metadata, seen = self.get(path)["metadata"], (body or {}).get("preconditions", {})
        if any(metadata[key] != value for key, value in seen.items()):
            raise RefusedError(409, "Conflict", f"the precondition does not hold for {path}")
        return self.objects.pop(path)

    def text(self, path, query=None):
        return b"ready: all of it"

    def send(self, method, path, body, media):
        path, _, query = path.partition("?")
        if "dryRun" in dict(parse_qsl(query)):
            return {}
        if method == "PUT":
            self.get(path)
            return self.put(path, body)
        if method == "DELETE":
            return self.delete(path, body)
        return self.merge(path, body) if method == "PATCH" else self.get(path)


def _bears(found, key, value):
    labels = found["metadata"].get("labels", {})
    return key in labels and value in ("", labels[key])


def neighbors(name, peer):
    """A NetworkNeighbors document of a Deployment that calls pods of the label app=``peer``."""
    told = {"api-group": "apps", "api-version": "v1", "kind": "Deployment", "name": name, "namespace": "shop"}
    ports = [{"name": "TCP-80", "port": 80, "protocol": "TCP"}]
    egress = [{"type": "internal", "podSelector": {"matchLabels": {"app": peer}}, "ports": ports}]
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "NetworkNeighbors",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {f"kubescape.io/workload-{key}": value for key, value in told.items()},
        },
        "spec": {"matchLabels": {"app": name}, "ingress": [], "egress": egress},
    }


@pytest.fixture
def shop(monkeypatch, tmp_path):
    """The namespace, to which every connection leads; recordings of ``web`` and ``api`` are in two files here."""
    found = Shop()
    for name in ("KUBECONFIG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "KUBECTL_NETPOL_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Connection, "open", lambda _: found)
    monkeypatch.setattr(Connection, "is_there", True)
    monkeypatch.chdir(tmp_path)
    for name, peer in (("web", "api"), ("api", "db")):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(neighbors(name, peer)))
    return found


def told(capsys, line):
    """The exit code of a command, what it printed, and what it said."""
    code = run(line.split())
    return (code, *capsys.readouterr())
