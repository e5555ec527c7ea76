"""The options that say what policies isolate and admit: the same wherever policies are generated."""

import os
from dataclasses import replace

import click
import pytest
import yaml
from cache.recordings import OUTSIDE, WEB, recording

from kubectl_netpol.cache.location import default_directory
from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.check import command as check
from kubectl_netpol.cli.diff import command as diff
from kubectl_netpol.cli.generate import command as generate
from kubectl_netpol.cli.options import LOCAL_CONTEXT
from kubectl_netpol.model import Counts

from .shop import neighbors, shop, told

__all__ = ["shop"]

NAMES = ("policy_types", "include_unanswered", "allow_empty_selector", "aggregate", "default_deny")
FILES = "check --neighbors web.yaml --neighbors api.yaml"


def record(*recordings):
    with Store.open(default_directory(os.environ)) as store:
        store.merge(LOCAL_CONTEXT.cluster, recordings or [recording(WEB, key=OUTSIDE)])


def run_check(capsys, *more):
    """Of what ``generate`` would write: the exit code, and all that was said."""
    code = run(["check", "--generated", *more])
    return code, "".join(capsys.readouterr())


def unanswered():
    found = recording(replace(WEB, name="api"), key=OUTSIDE)
    return replace(found, flows={OUTSIDE: {"e1": Counts(3, 0, 0, 1000, 2000)}})


@pytest.mark.parametrize("command", [diff, check])
def test_the_options_are_those_of_generate_in_the_same_words(command):
    options, originals = (
        {one.name: one for one in each.params if isinstance(one, click.Option)} for each in (command, generate)
    )
    assert set(NAMES) <= set(options)
    for name in NAMES[:-1]:
        assert (options[name].opts, options[name].metavar, options[name].help) == (
            originals[name].opts,
            originals[name].metavar,
            originals[name].help,
        )


@pytest.mark.parametrize("option", ["--aggregate=/24", "--policy-types=Ingress,Egress", "--default-deny"])
def test_what_was_applied_with_an_option_does_not_differ_with_it(shop, capsys, option):
    record()
    assert told(capsys, f"generate --all -n shop {option} --apply --yes")[0] == 0
    assert told(capsys, f"diff --all -n shop {option}")[:2] == (0, "")
    assert told(capsys, "diff --all -n shop --default-deny --policy-types Ingress --aggregate /16")[0] == 1


def test_a_block_that_was_applied_is_told_as_narrowed_without_the_option(shop, capsys):
    record()
    assert told(capsys, "generate --all -n shop --aggregate /24 --apply --yes")[0] == 0
    code, printed, _ = told(capsys, "diff --all -n shop")
    assert (code, [line[2] for line in printed.splitlines()[1:]]) == (1, ["-", "="])
    assert "- egress to 142.250.1.0/24 at TCP 443" in printed


@pytest.mark.parametrize("option", ["--default-deny", "--policy-types=ingress,egress"])
def test_what_an_isolated_direction_would_deny_is_found_by_a_check(shop, capsys, option):
    assert told(capsys, f"{FILES} --generated")[0] == 0
    assert told(capsys, f"{FILES} --generated {option}")[0] == 1


def test_a_check_judges_blocks_as_generate_makes_them(shop, capsys):
    record()
    flow = ("-n", "shop", "--explain", "deploy/web -> 142.250.1.7:443/TCP")
    assert run_check(capsys, *flow)[0] == 1
    assert run_check(capsys, *flow, "--aggregate", "/24")[0] == 0


def test_a_check_admits_what_was_not_answered_if_it_is_told_to(shop, capsys):
    record(recording(WEB), unanswered())
    assert "against 1 policy" in run_check(capsys, "-n", "shop")[1]
    assert "against 2 policies" in run_check(capsys, "-n", "shop", "--include-unanswered")[1]


def test_a_check_takes_workloads_without_a_selector_if_it_is_told_to(shop, capsys, tmp_path):
    document = neighbors("whole", "api")
    document["spec"]["matchLabels"] = {}
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(document))
    files = ("--neighbors", "whole.yaml", "--neighbors", "web.yaml")
    _, found = run_check(capsys, *files)
    assert "against 1 policy" in found
    assert "1 workload without a selector" in found
    _, found = run_check(capsys, *files, "--allow-empty-selector")
    assert "against 2 policies" in found
    assert "without a selector" not in found


@pytest.mark.parametrize(
    "option",
    ["--aggregate=exact", "--policy-types=Egress", "--default-deny", "--include-unanswered", "--allow-empty-selector"],
)
def test_without_generated_policies_the_options_are_for_nothing(shop, capsys, option):
    code, printed, error = told(capsys, f"{FILES} --applied {option}")
    assert (code, printed) == (2, "")
    assert error.splitlines()[0] == f"error: {option.partition('=')[0]} is for --generated"


def test_a_default_deny_of_some_of_a_namespace_is_refused(shop, capsys):
    code, _, error = told(capsys, f"{FILES} --generated --default-deny deploy/web")
    assert code == 2
    assert "hint: leave out TYPE/NAME and -l" in error
