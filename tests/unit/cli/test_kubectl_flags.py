"""kubectl's ways of writing flags: what click is given to read, and what stays as it was typed."""

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.cli.application import application
from kubectl_netpol.cli.catalog import PROGRAM
from kubectl_netpol.cli.connection import connects
from kubectl_netpol.cli.kubectl_flags import GLOBAL, asks_for, to_click, verb_of


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def tree():
    pass


@tree.group()
def group():
    pass


@click.command("get")
@click.argument("words", nargs=-1)
@click.option("-n", "--namespace")
@click.option("-l", "--selector")
@click.option("-o", "--output")
@click.option("--context")
@click.option("-A", "--all-namespaces", is_flag=True)
@click.option("-q", "--quiet", is_flag=True)
@click.option("--client", is_flag=True)
@click.option("--watch/--no-watch", default=True)
def verb(**values):
    click.echo(values)


tree.add_command(verb)
group.add_command(verb)


def read(line):
    return " ".join(to_click(line.split(), tree, "kubectl"))


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("get -o=wide", "get -owide"),
        ("get -o=jsonpath={.a=b}", "get -ojsonpath={.a=b}"),
        ("get -l=app=web -n=shop", "get -lapp=web -nshop"),
        ("get -l==x", "get -l=x"),
        ("get -n=", "get -n="),
        ("get -nshop -n shop", "get -nshop -n shop"),
        ("get -Ao=wide", "get -A -owide"),
        ("get -qAn shop", "get -q -A -n shop"),
        ("get -Al -n=x", "get -A -l -n=x"),
        ("get -A=true", "get -A"),
        ("get -A=0", "get"),
        ("get -qA=T", "get -q -A"),
        ("get -A -A=false", "get"),
        ("get -Aq --all-namespaces=F", "get -q"),
        ("get -A=false -A", "get -A"),
        ("get --client=true --all-namespaces=1", "get --client --all-namespaces"),
        ("get --client=False", "get"),
        ("get --watch=false", "get --no-watch"),
        ("get --no-watch=false", "get --watch"),
        ("get --watch=t", "get --watch"),
        ("get --help=true", "get --help"),
        ("get -h=false", "get"),
        ("get --output=wide --context=a=b", "get --output=wide --context=a=b"),
    ],
)
def test_flags_are_read_as_pflag_reads_them(typed, read_as):
    assert read(typed) == read_as


@pytest.mark.parametrize(
    "typed",
    [
        "get -- -n=shop -A=true",
        "get x -- --client=no",
        "get -l -n=1",
        "get -l -- -n -A=false",
        "get --selector -A=maybe",
        "get -A -l -o=x",
        "get -n",
        "get -x=1",
        "get --nope=1 -",
        "get a b=c",
    ],
)
def test_values_and_what_stands_behind_two_hyphens_stay(typed):
    assert read(typed) == typed


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("--context dev get x", "get --context=dev x"),
        ("--context=dev -n shop get", "get --context=dev --namespace=shop"),
        ("-n=shop get", "get --namespace=shop"),
        ("-nshop group get x", "group get --namespace=shop x"),
        ("group --context dev get", "group get --context=dev"),
        ("--context get get", "get --context=get"),
        ("--context dev get --context prod", "get --context=dev --context prod"),
        ("--context -A=false get", "get --context=-A=false"),
        ("--context dev nope", "nope"),
        ("--context dev --help", "--help"),
        ("--context dev", ""),
        ("--context", "--context"),
        ("-A get", "-A get"),
        ("--nope x get", "--nope x get"),
    ],
)
def test_kubectls_global_flags_may_stand_before_the_verb(typed, read_as):
    assert read(typed) == read_as


@pytest.mark.parametrize(
    ("typed", "flag", "value"),
    [
        ("get -A=maybe", "-A, --all-namespaces", "maybe"),
        ("group get --all-namespaces=", "-A, --all-namespaces", ""),
        ("get --client=yes", "--client", "yes"),
        ("get -qA=TrUe", "-A, --all-namespaces", "TrUe"),
    ],
)
def test_a_switch_with_another_value_is_refused_in_kubectls_words(typed, flag, value):
    with pytest.raises(click.UsageError) as caught:
        read(typed)
    why = f'strconv.ParseBool: parsing "{value}": invalid syntax'
    assert caught.value.message == f'invalid argument "{value}" for "{flag}" flag: {why}'
    assert caught.value.ctx.command_path == f"kubectl {typed[: typed.index('get')]}get"


@given(st.lists(st.text("-=nAlqx1 t", max_size=5), max_size=6))
def test_what_was_read_once_means_the_same_to_click_whatever_was_typed(words):
    try:
        once = to_click(["get", *words], tree, "kubectl")
    except click.UsageError:
        return
    run = CliRunner().invoke
    assert run(tree, once).exit_code in (0, 2)
    if not any("=" in word for word in words):
        assert run(tree, once).output == run(tree, ["get", *words]).output


def test_what_exits_and_who_is_debugged_is_seen_behind_flags():
    assert verb_of(["--context", "x", "-n=y", "check", "z"]) == "check"
    assert verb_of(["--context"]) == verb_of(["--help"]) == verb_of([]) == ""
    assert asks_for(["x", "--debug"], "--debug") and asks_for(["--debug=1"], "--debug")
    assert not asks_for(["--debug=false", "--debugger"], "--debug")


def test_the_global_flags_are_those_of_a_connection_and_the_namespace():
    @click.command()
    @connects
    def command(connection):
        pass

    assert {flag for one in command.params for flag in one.opts} | {"--namespace"} == GLOBAL


def test_commands_of_ours_take_both_ways():
    assert to_click(["--context", "a", "neighbors", "-A=true", "-o=wide"], application, PROGRAM) == [
        *("neighbors", "--context=a", "-A", "-owide")
    ]
