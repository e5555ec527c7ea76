"""``check`` against a cluster: what is applied, what --live tells, and what it may not see."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import yaml

from kubectl_netpol.cli.application import run

NEIGHBORS = "tests/cases/input/check/neighbors.yaml"
POLICIES = "tests/cases/input/check/policies"
NETWORK_POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
KIND = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
DENY = {
    "metadata": {"name": "deny", "namespace": "shop"},
    "spec": {"podSelector": {"matchLabels": {"app": "legacy"}}, "policyTypes": ["Egress"]},
}


def pod(name, labels, **status):
    metadata = {"name": name, "namespace": "shop", "uid": name, "labels": labels}
    metadata["ownerReferences"] = [
        {"kind": "StatefulSet", "apiVersion": "apps/v1", "name": "web", "uid": "u", "controller": True}
    ]
    ports = [{"name": "https", "containerPort": 8443}]
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "ports": ports}]}, "status": status}


@contextmanager
def serving(answers):
    """A cluster that has these lists or objects by path; what is not there is empty, and an int is a refusal."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = urlsplit(self.path).path
            asked.append(path)
            found = answers.get(path, [])
            status, body = (found, {"message": "no"}) if isinstance(found, int) else (200, {"items": found})
            body = found if isinstance(found, dict) else body
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def check(monkeypatch, tmp_path, capsys, request):
    """Runs check against a cluster with these lists; exit code, both streams, and the paths that were asked for."""
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setenv("HOME", str(tmp_path))

    def go(answers, *words):
        with serving(answers) as (url, asked):
            config = {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
            path = tmp_path / "config"
            path.write_text(yaml.safe_dump(config))
            code = run(["check", "--kubeconfig", str(path), "--neighbors", NEIGHBORS, *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err, asked

    return go


def test_what_is_applied_is_checked_and_nothing_but_policies_and_api_groups_is_asked_for(check):
    code, out, err, asked = check({NETWORK_POLICIES: [DENY]})
    assert code == 1
    assert "shop/deployment/legacy   egress      shop/deployment/api   TCP/8080" in out
    assert "against 1 policy: 1 would be denied" in err
    assert asked == [NETWORK_POLICIES, "/apis"]


def test_files_are_checked_without_a_cluster_and_with_applied_together_with_it(check):
    assert check({NETWORK_POLICIES: [DENY]}, "-f", POLICIES)[3] == []
    _, _, err, asked = check({NETWORK_POLICIES: [DENY]}, "-f", POLICIES, "--applied")
    assert "against 3 policies" in err
    assert asked == [NETWORK_POLICIES, "/apis"]


def test_a_file_takes_the_place_of_what_is_applied_under_the_same_name(check):
    _, _, err, _ = check(
        {NETWORK_POLICIES: [DENY | {"metadata": {"name": "web", "namespace": "shop"}}]}, "-f", POLICIES, "--applied"
    )
    assert "note: 1 policy of the same name replaced" in err


def test_who_may_list_one_namespace_only_is_told_that_others_are_not_seen(check):
    own = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
    code, _, err, asked = check({NETWORK_POLICIES: 403, own: [DENY]}, "-n", "shop")
    assert code == 1
    assert "those of others are not looked at" in err
    assert asked == [NETWORK_POLICIES, own, "/apis"]


def served(**plurals):
    """What a cluster answers that serves these groups, each with one version and these resources."""
    groups = {
        "cilium": "cilium.io/v2",
        "calico": "crd.projectcalico.org/v1",
        "tiered": "policy.networking.k8s.io/v1alpha1",
    }
    told = [groups[name].split("/") for name in plurals]
    answers = {"/apis": {"groups": [{"name": group, "versions": [{"version": one}]} for group, one in told]}}
    for name, found in plurals.items():
        answers[f"/apis/{groups[name]}"] = {"resources": [{"name": one} for one in found]}
    return answers


OTHERS = "note: policies of other kinds are not looked at, and may deny or admit more than NetworkPolicies do"


def test_policies_of_other_kinds_that_the_cluster_has_are_told(check):
    answers = served(cilium=["ciliumnetworkpolicies", "ciliumnodes"], calico=["globalnetworkpolicies"])
    assert OTHERS not in check(answers)[2]
    answers["/apis/cilium.io/v2/ciliumnetworkpolicies"] = [DENY]
    code, _, err, asked = check(answers)
    assert (code, f"{OTHERS}: the cluster has ciliumnetworkpolicies.cilium.io\n" in err) == (0, True)
    assert "/apis/cilium.io/v2/ciliumnodes" not in asked


def test_policies_of_other_kinds_that_may_not_be_listed_may_be_there(check):
    path = "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies"
    code, _, err, _ = check(served(tiered=["adminnetworkpolicies"]) | {path: 403})
    assert code == 0
    assert f"{OTHERS}: it may have adminnetworkpolicies.policy.networking.k8s.io, which you may not list\n" in err
    code, _, err, _ = check({"/apis": 403})
    assert (code, f"{OTHERS}; whether the cluster has some is not known: " in err) == (0, True)


def test_a_refusal_is_an_error_and_not_an_answer(check):
    code, out, err, _ = check({NETWORK_POLICIES: 403})
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


def test_what_the_cluster_tells_settles_what_recordings_leave_open(check):
    namespaces = [{"metadata": {"name": "edge", "labels": {"team": "edge"}}}, {"metadata": {"name": "shop"}}]
    deployment = {"kind": "Deployment", "apiVersion": "apps/v1", "name": "web", "uid": "u", "controller": True}
    web = pod("web-1", {"app": "web"}, phase="Running", podIP="10.244.0.7")
    web["metadata"]["ownerReferences"] = [deployment]
    answers = {"/api/v1/namespaces": namespaces, "/api/v1/pods": [web]}
    words = ("deploy/web", "-f", f"{POLICIES}/web.yaml")
    assert "1 cannot be told" in check(answers, *words)[2]
    code, _, err, _ = check(answers, *words, "--live")
    assert (code, "0 would be denied, 0 cannot be told" in err) == (0, True)
    assert "note: policies in this cluster: unknown" in err
    code, out, _, _ = check(answers, *words, "--live", "--explain", "10.0.0.9 -> web-1:8443")
    assert code == 1
    assert "port TCP https: yes, by the names that shop/deployment/web has for its ports" in out
    assert "this cluster's policies: unknown" in out
    namespaces[0]["metadata"]["labels"] = {"team": "other"}
    code, out, _, _ = check(answers, *words, "--live")
    assert code == 1
    assert "edge/deployment/gateway" in out


def test_standard_input_is_read_once(check):
    code, _, err, _ = check({}, "--neighbors", "-", "-f", "-")
    assert (code, "cannot both be standard input" in err) == (2, True)


def test_files_that_are_not_there_are_told_before_recordings_that_are_not(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["check", "-f", "nothere/", "--local"]) == 2
    assert capsys.readouterr().err.startswith("error: nothere: No such file")


def written(tmp_path, **policy):
    """A file with one policy for the pods of shop."""
    whole = KIND | {"metadata": {"name": "one"}} | policy
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps(whole))  # which is YAML, without its aliases
    return str(path)


def from_block(cidr):
    return {
        "metadata": {"name": "one", "namespace": "shop"},
        "spec": {"ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]},
    }


def test_files_are_read_as_an_api_server_of_today_reads_them_and_what_is_applied_as_those_that_took_it(check, tmp_path):
    old = from_block("::ffff:10.0.0.0/104")
    code, _, err, _ = check({}, "-f", written(tmp_path, **old))
    assert (code, "is not a block of addresses" in err) == (2, True)
    code, _, err, _ = check({NETWORK_POLICIES: [old]})
    assert (code, "against 1 policy" in err) == (0, True)
    _, _, err, _ = check({}, "-f", written(tmp_path, **from_block("10.0.0.5/8")))
    assert "has 10.0.0.5/8 with bits beyond the prefix's length: API servers from 1.36 on refuse that" in err


def nameless(*names):
    return {"apiVersion": "v1", "kind": "List", "items": [DENY | KIND | {"metadata": {"name": name}} for name in names]}


def test_policies_whose_namespace_is_assumed_are_named(check, tmp_path):
    path = written(tmp_path, **nameless("deny"))
    code, _, err, _ = check({}, "-f", path)
    assert code == 0
    assert "note: 1 policy without a namespace, read as of default (-n names another): deny\n" in err
    assert "note: policies of namespaces in which nothing was recorded: 1 (default 1)\n" in err
    code, _, err, _ = check({}, "-f", path, "-n", "shop")
    assert code == 1
    assert "read as of shop" in err
    assert "nothing was recorded" not in err


def test_many_policies_without_a_namespace_or_a_recording_are_counted(check, tmp_path):
    _, _, err, _ = check({}, "-f", written(tmp_path, **nameless(*"abcdefg")))
    assert "note: 7 policies without a namespace, read as of default (-n names another): a, b, c, d and 3 more\n" in err
    items = [DENY | KIND | {"metadata": {"name": name, "namespace": name}} for name in "abcdef"]
    items += [DENY | KIND | {"metadata": {"name": "x", "namespace": space}} for space in ("a", "edge", "shop")]
    _, _, err, _ = check({}, "-f", written(tmp_path, kind="List", items=items))
    assert "note: policies of namespaces in which nothing was recorded: 7 (a 2, b 1, c 1, d 1 and 2 more)\n" in err
    assert "without a namespace" not in err


def on(node, one, owner="", **spec):
    """That pod on a node, of the DaemonSet ``owner`` if it names one."""
    one["spec"] |= {"nodeName": node} | spec
    one["status"]["hostIP"] = f"172.30.0.1{node[-1]}"
    if owner:
        one["metadata"]["ownerReferences"][0] |= {"kind": "DaemonSet", "name": owner}
    return one


EXPORTERS = [
    on(node, pod(f"exporter-{node}", {"app": "exporter"}, phase="Running"), "exporter", hostNetwork=True)
    for node in ("n1", "n2")
]
DENY_ALL = KIND | {"metadata": {"name": "deny", "namespace": "shop"}, "spec": {"policyTypes": ["Ingress", "Egress"]}}


def explained(check, tmp_path, flow, *pods):
    """Exit code, the first line, and the whole of what --explain says of a flow where everything is denied."""
    path = written(tmp_path, **DENY_ALL)
    code, out, _, _ = check(
        {"/api/v1/pods": [*EXPORTERS, *pods]}, "-f", path, "-n", "shop", "--live", "--explain", flow
    )
    return code, out.partition("\n")[0].partition(", TCP 9000: ")[2], out


def api_pods(*nodes):
    return [on(node, pod(f"api-{node}", {"app": "api"}, phase="Running", podIP="10.244.0.7"), "api") for node in nodes]


@pytest.mark.parametrize("source", ["shop/exporter-n1", "exporter-n1", "172.30.0.11", "node/n1 (172.30.0.11)"])
def test_a_pods_own_node_reaches_it_whatever_policies_say(check, tmp_path, source):
    code, verdict, out = explained(check, tmp_path, f"{source} -> pod/api-n1:9000", *api_pods("n1"))
    assert (code, verdict) == (0, "allowed")
    assert "allowed: traffic from a pod's own node is always admitted" in out
    code, verdict, out = explained(check, tmp_path, f"{source} -> pod/api-n2:9000", *api_pods("n2"))
    assert (code, verdict) == (1, "denied")
    assert "own node" not in out


@pytest.mark.parametrize("source", ["ds/exporter", "exporter-n1", "172.30.0.11"])
def test_of_a_workload_the_pods_on_that_node_are_told_from_the_others(check, tmp_path, source):
    code, verdict, out = explained(check, tmp_path, f"{source} -> ds/api:9000", *api_pods("n1", "n2"))
    assert (code, verdict) == (1, "allowed from the pod's own node, denied from others")
    assert "from the pod's own node it is allowed: traffic from a pod's own node is always admitted; from others" in out
    assert explained(check, tmp_path, "172.30.0.12 -> ds/api:9000", *api_pods("n1"))[1] == "denied"


def test_egress_to_the_own_node_is_spoken_of_and_judged_by_rules(check, tmp_path):
    code, verdict, out = explained(check, tmp_path, "pod/api-n1 -> 172.30.0.11:9000", *api_pods("n1"))
    assert (code, verdict) == (1, "denied")
    assert "Calico's Felix denies it where no rule admits it" in out


@pytest.mark.parametrize(
    "flow",
    [
        "deploy/api -> api.example.com:443",
        "deploy/api -> api.example.com.:443",
        "deploy/api -> 142.250.1.104:443",
        "shop        deployment/api      egress      api.example.com. (142.250.1.104)   TCP/443    3/3   4d   90s",
        "shop/deployment/api egress api.example.com TCP/443",
    ],
)
def test_a_flow_is_taken_as_neighbors_prints_it_and_names_without_their_final_dot(check, flow):
    code, out, _, _ = check({}, "-f", f"{POLICIES}/api.yaml", "--explain", flow)
    assert code == 0
    assert out.startswith("shop/deployment/api -> ")
    assert "142.250.1.104" in out.partition(", TCP 443: allowed\n")[0]


def test_a_row_of_all_namespaces_names_the_workload_of_its_own(check):
    row = "shop   deployment/web   ingress   edge/deployment/gateway   TCP/8443   9/9   60s   60s"
    _, out, _, _ = check({}, "-f", f"{POLICIES}/web.yaml", "--explain", row)
    assert out.startswith("edge/deployment/gateway -> shop/deployment/web, TCP 8443: ")
