"""Selections, kinds, label selectors and durations, as kubectl reads them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.cli.duration import parse_duration
from kubectl_netpol.cli.kinds import is_kind
from kubectl_netpol.cli.labels import matches, parse_labels
from kubectl_netpol.cli.selection import Wanted, parse_selection
from kubectl_netpol.errors import InputError, NetpolError
from kubectl_netpol.model import Workload

DEPLOYMENT = Workload("shop", "Deployment", "web", "apps/v1")


@pytest.mark.parametrize(
    ("workload", "spellings"),
    [
        (
            DEPLOYMENT,
            "deploy deployment deployments Deployment DEPLOYMENTS deployments.apps deployment.v1.apps deploy.apps",
        ),
        (Workload("s", "StatefulSet", "x", "apps/v1"), "sts statefulset statefulsets statefulsets.apps"),
        (Workload("s", "DaemonSet", "x", "apps/v1"), "ds daemonset daemonsets"),
        (Workload("s", "CronJob", "x", "batch/v1"), "cj cronjob cronjobs cronjobs.batch"),
        (Workload("s", "Job", "x", "batch/v1"), "job jobs job.batch"),
        (Workload("s", "ReplicaSet", "x", "apps/v1"), "rs replicaset replicasets"),
        (Workload("s", "ReplicationController", "x", "v1"), "rc replicationcontroller replicationcontrollers"),
        (Workload("s", "Pod", "x", "v1"), "po pod pods"),
        (Workload("s", "Rollout", "x", "argoproj.io/v1alpha1"), "rollout rollouts rollouts.argoproj.io"),
        (Workload("s", "Policy", "x", "example.com/v1"), "policy policies policies.v1.example.com"),
    ],
)
def test_a_kind_has_all_of_kubectls_spellings(workload, spellings):
    assert all(is_kind(workload, spelling) for spelling in spellings.split())


@pytest.mark.parametrize(
    "spelling", ["sts", "dep", "deployments.batch", "deploy.v2.apps", "deployments.apps.x", "", "job"]
)
def test_other_spellings_do_not_name_it(spelling):
    assert not is_kind(DEPLOYMENT, spelling)


def test_a_short_name_means_kubernetes_own_kind_only():
    assert not is_kind(Workload("s", "Deployment", "x", "example.com/v1"), "deploy")
    assert is_kind(Workload("s", "Deployment", "x", "example.com/v1"), "deployments.example.com")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], []),
        (["deploy/web"], [("deploy", "web")]),
        (["deploy/web", "sts/db", "deploy/web"], [("deploy", "web"), ("sts", "db")]),
        (["deploy", "web", "api"], [("deploy", "web"), ("deploy", "api")]),
        (["deploy,sts"], [("deploy", ""), ("sts", "")]),
        (["deploy,sts", "web"], [("deploy", "web"), ("sts", "web")]),
    ],
)
def test_selections_read_as_in_kubectl(arguments, wanted):
    assert parse_selection(arguments).wanted == tuple(Wanted(*one) for one in wanted)


@pytest.mark.parametrize(
    "arguments", [["deploy/"], ["/web"], ["a/b/c"], ["deploy/web", "api"], ["deploy,"], ["deploy", ""], ["a,b/c"], [""]]
)
def test_other_selections_are_refused_with_a_hint(arguments):
    with pytest.raises(InputError) as caught:
        parse_selection(arguments)
    assert caught.value.hint


LABELS = {"app": "web", "tier": "front", "replicas": "3", "example.com/x": ""}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier = front", True),
        ("app=web,tier=back", False),
        ("app!=web", False),
        ("other!=x", True),
        ("app in (web,api)", True),
        ("app in (api)", False),
        ("app notin (api, db)", True),
        ("other notin (api)", True),
        ("other in (api)", False),
        ("app in (web),!canary,tier", True),
        ("example.com/x=", True),
        ("example.com/x", True),
        ("app=", False),
        ("replicas>2", True),
        ("replicas<3", False),
        ("app>2", False),
        ("in in (web)", False),
        ("in=notin", False),
    ],
)
def test_label_selectors_mean_what_they_mean_to_kubectl(selector, expected):
    assert matches(parse_labels(selector), LABELS) is expected


@pytest.mark.parametrize(
    "selector",
    [
        "=",
        "app=web,",
        ",",
        "app in",
        "app in (",
        "app in (a",
        "app in a",
        "app web",
        "-app",
        "a=b=c",
        "!",
        "!a=b",
        "app=web tier=x",
        "a>x",
        "a/b/c",
        "app in (a b)",
        "é=1",
        "app=é",
        "app=a/b",
    ],
)
def test_other_label_selectors_are_refused_with_a_hint(selector):
    with pytest.raises(InputError) as caught:
        parse_labels(selector)
    assert "-l" in caught.value.hint


@given(st.text(max_size=30) | st.text("ab=!,()<> in", max_size=20))
@settings(deadline=None)
def test_any_text_is_a_selector_or_refused(selector):
    with contextlib.suppress(NetpolError):
        assert matches(parse_labels(selector), LABELS) in (True, False)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("7d", 604_800_000),
        ("1h30m", 5_400_000),
        ("90s", 90_000),
        ("250ms", 250),
        ("1.5h", 5_400_000),
        ("2w", 1_209_600_000),
    ],
)
def test_durations_are_read(text, milliseconds):
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1h", "1y", "1 h", "1h ", "٣d", "9" * 60 + "w", "1e3s", "999999w"])
def test_other_durations_are_refused(text):
    with pytest.raises(ValueError):
        parse_duration(text)
