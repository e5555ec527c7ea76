"""``generate`` on files: a pipeline without a cluster, and a folder of policies that stays quiet."""

import io
import os
import sys
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.cli.application import run

INPUT = Path(__file__).parents[2] / "cases" / "input"
OPERATOR = (INPUT / "operator.yaml").read_text()
WORKFLOWS = (INPUT / "workflows.yaml").read_text()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder to work in, with a home of its own and a kubeconfig that cannot be read."""
    (tmp_path / "broken").write_text(":::")
    for name in ("XDG_CONFIG_HOME", "KUBECTL_NETPOL_KNOWN_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "broken"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generate(capsys, *arguments):
    code = run(["generate", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_standard_input_is_read_and_neither_cluster_nor_cache_is_looked_for(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((OPERATOR + "---\n" + WORKFLOWS).encode())))
    code, out, _ = generate(capsys, "-f", "-", "--all")
    assert code == 0
    assert [one["metadata"]["namespace"] for one in yaml.safe_load_all(out)] == ["default", "kubescape"]
    assert sorted(path.name for path in folder.iterdir()) == ["broken"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["deployment-workflows", "deployment-operator"]),
        (["-n", "kubescape"], ["deployment-operator"]),
        (["-n", "kubescape", "-A"], ["deployment-workflows", "deployment-operator"]),
        (["-l", "app=workflows"], ["deployment-workflows"]),
        (["deploy/operator"], ["deployment-operator"]),
        (["deployments.apps"], ["deployment-workflows", "deployment-operator"]),
    ],
)
def test_what_the_command_line_names_is_picked_from_the_files(folder, capsys, arguments, names):
    files = ["-f", str(INPUT / "operator.yaml"), "-f", str(INPUT / "workflows.yaml")]
    code, out, _ = generate(capsys, *files, *arguments, "-o", "name")
    assert code == 0
    assert [line.rpartition("/")[2] for line in out.split()] == names


def test_a_folder_of_policies_is_written_once_and_then_left_alone(folder, capsys):
    (folder / "in.yaml").write_text(OPERATOR + "---\n" + WORKFLOWS)
    code, out, _ = generate(capsys, "-f", "in.yaml", "--output-dir", "policies")
    files = ["default.deployment-workflows.yaml", "kubescape.deployment-operator.yaml"]
    assert (code, out.splitlines()) == (0, [f"policies/{name} written" for name in files])
    assert sorted(os.listdir("policies")) == files  # noqa: PTH208
    (folder / "in.yaml").write_text(WORKFLOWS.replace("142.250.1.104", "142.250.1.105") + "---\n" + OPERATOR)
    _, out, _ = generate(capsys, "-f", "in.yaml", "--output-dir", "policies")
    assert out.splitlines() == [f"policies/{files[0]} written", f"policies/{files[1]} unchanged"]
    assert "142.250.1.105/32" in (folder / "policies" / files[0]).read_text()


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (WORKFLOWS.replace("port: 443", "port: null"), "spec.egress[0].ports[0].port"),
        (WORKFLOWS.replace("port: 443", "port: 443.0"), "spec.egress[0].ports[0].port"),
        (WORKFLOWS.replace("port: 443", "port: true"), "spec.egress[0].ports[0].port"),
        (WORKFLOWS.replace("protocol: TCP", "protocol: HTTP"), "spec.egress[0].ports[0].protocol"),
        (WORKFLOWS.replace("142.250.1.104", "142.250.1.256"), "spec.egress[0].ipAddress"),
        (WORKFLOWS.replace("142.250.1.104", "fe80::1%eth0"), "spec.egress[0].ipAddress"),
        (WORKFLOWS.replace("ipAddress: 142.250.1.104", "ipAddresses: [10.0.0.0/33]"), "spec.egress[0].ipAddresses[0]"),
        (WORKFLOWS.replace("142.250.1.104", '""'), "spec.egress[0] has neither a selector nor an address"),
        (WORKFLOWS.replace("  egress:", "  egres:"), "spec.egres is no field"),
        (WORKFLOWS.replace("kind: NetworkNeighbors", "kind: Deployment"), "kind"),
        (WORKFLOWS.replace("v1beta1\n", "v1beta2\n", 1), "apiVersion"),
        (WORKFLOWS.replace("workload-name: workflows", "workload-name: 7"), "metadata.labels"),
        (WORKFLOWS.replace("namespace: default", "namespace: ../x"), "namespace"),
        (WORKFLOWS.replace("type: external", "type: outside"), "spec.egress[0].type"),
        (WORKFLOWS.replace("podSelector: null", "podSelector: {matchLabels: {app: 1}}"), "podSelector.matchLabels"),
        (WORKFLOWS.replace("app: workflows", "app: &a workflows"), "line 134: YAML anchors"),
        (OPERATOR.replace("tier: ks-control-plane", "tier: other"), "matchLabels"),
        ("[]", "no Kubernetes object"),
        ("kind: List\nitems: {}\n", "items"),
    ],
)
def test_one_bad_document_is_named_and_the_good_ones_are_not_written(folder, capsys, broken, field):
    assert broken not in (OPERATOR, WORKFLOWS)
    (folder / "in.yaml").write_text(OPERATOR + "---\n" + broken)
    code, out, err = generate(capsys, "-f", "in.yaml", "--output-dir", "policies")
    assert (code, out) == (1, "")
    error, hint = err.splitlines()
    assert error.startswith("error: in.yaml: document 2")
    assert field in error
    assert hint.startswith("hint: ")
    assert not (folder / "policies").exists()


def test_who_gives_policies_to_generate_learns_what_takes_them(folder, capsys):
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {}}\n"
    (folder / "in.yaml").write_text(policy)
    assert generate(capsys, "-f", "in.yaml") == (
        1,
        "",
        "error: in.yaml: document 1 is a policy, and recordings are read here\n"
        "hint: check what it would break with `kubectl netpol check -f`, and apply it with `kubectl apply -f`\n",
    )


def test_two_workloads_whose_policies_would_share_a_name_are_both_named(folder, capsys):
    (folder / "in.yaml").write_text(WORKFLOWS + "---\n" + WORKFLOWS.replace("api-group: apps", "api-group: x.io"))
    code, out, err = generate(capsys, "-f", "in.yaml", "--output-dir", "policies")
    assert (code, out) == (1, "")
    both = "deployment/workflows (apps/v1, in.yaml: document 1) and deployment/workflows (x.io/v1, in.yaml: document 2)"
    assert both in err
    assert not (folder / "policies").exists()


def test_yaml_and_json_of_the_same_objects_give_the_same(folder, capsys):
    text = (INPUT / "neighborhood.json").read_text()
    assert text.count("NetworkNeighborhood") == 2
    (folder / "yaml.yaml").write_text(yaml.safe_dump(yaml.safe_load(text)))
    first = generate(capsys, "-f", str(INPUT / "neighborhood.json"))
    assert generate(capsys, "-f", "yaml.yaml") == first


@pytest.mark.parametrize("name", ["a.YAML", "a.YML", "a.Json"])
def test_a_folders_files_are_known_by_their_suffix_in_any_case(folder, capsys, name):
    (folder / "in").mkdir()
    (folder / "in" / name).write_text(OPERATOR)
    (folder / "in" / "NOTES.TXT").write_text("[")
    assert generate(capsys, "-f", "in", "-o", "name")[:2] == (
        0,
        "networkpolicy.networking.k8s.io/deployment-operator\n",
    )


def test_an_output_folder_without_a_name_is_not_the_working_directory(folder, capsys):
    code, out, err = generate(capsys, "-f", str(INPUT / "operator.yaml"), "--output-dir", "")
    assert (code, out) == (1, "")
    assert err.startswith("error: --output-dir '' names no folder\n")
    assert sorted(path.name for path in folder.iterdir()) == ["broken"]


@pytest.mark.parametrize("arguments", [["--output-dir", "x", "-o", "name"], ["--known-servers", "none.yaml"]])
def test_what_cannot_be_meant_is_an_error(folder, capsys, arguments):
    code, out, err = generate(capsys, "-f", str(INPUT / "operator.yaml"), *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


def test_an_input_without_neighbors_is_named(folder, capsys):
    (folder / "empty.yaml").write_text("apiVersion: v1\nkind: List\nitems: []\n")
    code, out, err = generate(capsys, "-f", "empty.yaml")
    assert (code, out) == (1, "")
    assert "empty.yaml: holds no NetworkNeighbors" in err


def test_a_workload_that_selects_every_pod_is_named_with_its_document(folder, capsys):
    document = yaml.safe_load(WORKFLOWS)
    document["spec"]["matchLabels"] = {}
    (folder / "in.yaml").write_text(OPERATOR + "---\n" + yaml.safe_dump(document))
    code, out, err = generate(capsys, "-f", "in.yaml")
    assert (code, out) == (1, "")
    assert "in.yaml: document 2: deployment/workflows in namespace default selects every pod" in err


def test_a_dns_name_of_pods_is_a_comment_beside_their_selector(folder, capsys):
    document = yaml.safe_load(WORKFLOWS)
    selector = {"matchLabels": {"app": "api"}}
    document["spec"]["egress"] = [
        {"dns": "api.default.svc.", "podSelector": selector, "ports": [{"port": 80, "protocol": "TCP"}]}
    ]
    (folder / "in.yaml").write_text(yaml.safe_dump(document))
    code, out, _ = generate(capsys, "-f", "in.yaml")
    assert code == 0
    assert "# api.default.svc." in out


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        ([], ["Ingress", "Egress"]),
        (["--policy-types", "Ingress"], ["Ingress"]),
        (["--policy-types", "egress"], ["Egress"]),
        (["--policy-types", "Egress,Ingress"], ["Ingress", "Egress"]),
    ],
)
def test_a_default_deny_has_the_policy_types_of_the_others_so_that_their_notes_hold(folder, capsys, arguments, types):
    code, out, err = generate(capsys, "-f", str(INPUT / "operator.yaml"), "--default-deny", *arguments)
    assert code == 0
    assert [one["spec"]["policyTypes"] for one in yaml.safe_load_all(out)] == [types, types]
    assert ("egress was recorded, and the policy leaves it open" in err) == ("Egress" not in types)
