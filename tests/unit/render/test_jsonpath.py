"""kubectl's dialect of JSONPath: a table of templates, held to what it says and to what the real kubectl prints."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.cli.outputs import read_template
from kubectl_netpol.errors import InputError
from kubectl_netpol.render.columns import parse_columns, parse_columns_file, to_columns
from kubectl_netpol.render.jsonpath import Template
from kubectl_netpol.render.jsonpath_nodes import TemplateError

THING = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "t", "annotations": {"z": "1"}, "labels": {"a.b/c": "dotted"}},
    "list": [
        {"name": "web", "port": 80, "ready": True, "tags": ["x", "y"]},
        {"name": "api", "port": 8080, "ready": False, "tags": []},
        {"name": "db", "port": 5432, "tags": ["z"]},
    ],
    "numbers": [10, 11, 12, 13, 14],
    "empty": [],
    "nothing": None,
    "big": 12345678901,
    "rate": 0.5,
    "floats": [1.5e-7, 3.0, 1e6, 123456789.5, 1e21, 1e-5, 1e20, 1.2345678901234567e20, -2.5, 1e-300, 1e16, 0.0001, 0.0],
    "text": "a<b>&c",
    "nested": [[1, 2], [3]],
}
"""As it comes from kubectl annotate, which adds ``z``."""

FLOATS = (
    "[1.5e-7,3,1000000,123456789.5,1e+21,0.00001,100000000000000000000,123456789012345670000,"
    "-2.5,1e-300,10000000000000000,0.0001,0]"
)
FILLED = [
    ("", ""),
    ("plain", "plain"),
    ("{.metadata.name}", "t"),
    ("{$.metadata.name}", "t"),
    ("{@.metadata.name}", "t"),
    ("{ .metadata.name }", "t"),
    ("{['metadata'].name}", "t"),
    ("{.metadata['name']}", "t"),
    (r"{.metadata.labels.a\.b/c}", "dotted"),
    ("{.metadata.labels['a\\.b/c']}", "dotted"),
    ("{.}", ""),
    ("{.nope}", ""),
    ("{.floats}", FLOATS),
    (
        "{.floats[*]}",
        "1.5e-07 3 1e+06 1.234567895e+08 1e+21 1e-05 1e+20 1.2345678901234567e+20 -2.5 1e-300 1e+16 0.0001 0",
    ),
    ("{.nope.deeper[0].x}", ""),
    ("{.nothing}", "null"),
    ("{.nothing.x}", ""),
    ("{.nothing[0]}", ""),
    ("{.metadata.name.x}", ""),
    ("{.list[*].name}", "web api db"),
    ("{.list[:].name}", "web api db"),
    ("{.list[].name}", "web"),
    ("{.list[0].name}", "web"),
    ("{.list[-1].name}", "db"),
    ("{.list[-1:].name}", "db"),
    ("{.list[0:2].name}", "web api"),
    ("{.list[1:].name}", "api db"),
    ("{.numbers[::2]}", "10 12 14"),
    ("{.numbers[1:4:2]}", "11 13"),
    ("{.numbers[2:2]}", ""),
    ("{.numbers[-3:-1]}", "12 13"),
    ("{.numbers[0,2,-1]}", "10 12 14"),
    ("{.numbers[0, 2]}", "10 12"),
    ("{.list[0]['name','port']}", "web 80"),
    ("{.numbers}", "[10,11,12,13,14]"),
    ("{.nested[*][0]}", "1 3"),
    ("{.nested[*][*]}", "1 2 3"),
    ("{.empty}", "[]"),
    ("{.empty[*]}", ""),
    ("{.metadata.annotations}", '{"z":"1"}'),
    ("{.list[0]}", '{"name":"web","port":80,"ready":true,"tags":["x","y"]}'),
    ("{.list[*].tags}", '["x","y"] [] ["z"]'),
    ("{.list[*].tags[*]}", "x y"),  # an empty list ends it: so does kubectl
    ("{.list[*].ready}", "true false"),
    ("{.big} {.rate} {.text}", "12345678901 0.5 a<b>&c"),
    ("{..name}", "web api db t"),
    ("{.list..name}", "web api db"),
    ("{..tags[*]}", "x y"),
    ("{.metadata.annotations.*}", "1"),
    ("{.numbers.*}", "10 11 12 13 14"),
    ('{.list[?(@.name=="api")].port}', "8080"),
    ("{.list[?(@.name=='api')].port}", "8080"),
    ('{.list[?(@.name == "api")].port}', "8080"),
    ('{.list[?(@.name!="api")].port}', "80 5432"),
    ("{.list[?(@.port>80)].name}", "api db"),
    ("{.list[?(@.port>=5432)].name}", "api db"),
    ("{.list[?(@.port<=80)].name}", "web"),
    ("{.list[?(@.ready==true)].name}", "web"),
    ("{.list[?(@.ready)].name}", "web api"),
    ("{.list[?(@.tags[0])].name}", "web api db"),
    ('{.list[?(@.tags[0]=="x")].name}', None),
    ('{.list[?(@.nope=="x")].name}', ""),
    ("{.numbers[?(@>12)]}", "13 14"),
    ('{.list[?(@.name==")")].port}', ""),
    ("{range .list[*]}{.name}:{.port} {end}", "web:80 api:8080 db:5432 "),
    (r'{range .list[*]}{.name}{"\t"}{.port}{"\n"}{end}', "web\t80\napi\t8080\ndb\t5432\n"),
    ("{range .list[*]}{.name}={range .tags[*]}{@},{end};{end}", "web=x,y,;api=;db=z,;"),
    ("{range .empty[*]}{.x}{end}after", "after"),
    ("{range .nope}{.x}{range .y}{.z}{end}{end}after", "after"),
    ("{range .list[*]}[{.nope}]{end}", "[][][]"),
    ("{range .list[0:2]}{.name}{end}-{range .list[2:]}{.name}{end}", "webapi-db"),
    ("{range .list[*]}{.name} ", "web api db  "),
    (r'{"a\tb\\\"\u00e9\x41\101"}', 'a\tb\\"éAA'),
    (r"{'it\'s'}", "it's"),
    ('{"x"}{"y"}', "xy"),
    ("{1}{-2}{1.5}{true}", "1-21.5true"),
    ("}", "}"),
    ("a}b{.kind}c}", "a}bThingc}"),
    ("{.kind}\n", "Thing\n"),
    ("{.list[*].port..}", ""),
]
"""None where kubectl refuses."""

UNREADABLE = [
    ("{.x", "unclosed action"),
    ("{", "unclosed action"),
    ("{.x[0}", "unterminated array"),
    ("{.x[a]}", "invalid array index a"),
    ("{.x[1:2:3:4]}", "invalid array index 1:2:3:4"),
    ("{.x[-]}", "array index - is not a number"),
    ("{.x[99999999999999999999]}", "array index 99999999999999999999 is not a number"),
    ("{.x[?(@.y}", "unterminated filter"),
    ("{.x[?(@.y)}", "unclosed array expect ]"),
    ('{"x}', "unterminated quoted string"),
    (r'{"\q"}', r'unquote string "\q" error invalid syntax'),
    ("{1.2.3}", "cannot parse number 1.2.3"),
    ("{+}", "cannot parse number +"),
    ("{....x}", "invalid multiple recursive descent"),
    ("{%}", "unrecognized character in action: U+0025 '%'"),
    ("{.x\n}", "unclosed action"),
]

UNFILLABLE = [
    ("{.numbers[9]}", "array index out of bounds: index 9, length 5"),
    ("{.numbers[-9]}", "array index out of bounds: index -4, length 5"),
    ("{.numbers[0:9]}", "array index out of bounds: index 8, length 5"),
    ("{.numbers[3:1]}", "starting index 3 is greater than ending index 1"),
    ("{.numbers[::0]}", "step must be > 0"),
    ("{.numbers[::-1]}", "step must be > 0"),
    ("{.kind[0]}", "string is not array or slice"),
    ("{.metadata[0]}", "map[string]interface {} is not array or slice"),
    ("{.big[*]}", "int64 is not array or slice"),
    ('{.list[?(@.port=="80")].name}', "incompatible types for comparison"),
    ("{.list[?(@.port>1.5)].name}", "incompatible types for comparison"),
    ('{.list[?(@.tags=="x")].name}', "invalid type for comparison"),
    ("{.list[?(@.name=!'x')].name}", "unrecognized filter operator =!"),
    ("{.list[?(@.name=~'x')].name}", "unrecognized character in action: U+007E '~'"),
    ('{.metadata[?(@.x=="y")]}', "is not array or slice and cannot be filtered"),
    ('{.list[?(@.tags[*]=="x")].name}', "can only compare one element at a time"),
    ("{nope}", "unrecognized identifier nope"),
    ("{end}", "not in range, nothing to end"),
]


def kubectl():
    kept = Path(os.environ.get("KUBECTL_NETPOL_CLUSTER") or Path.home() / ".cache/kubectl-netpol-cluster") / "bin"
    found = shutil.which("kubectl", path=f"{os.environ['PATH']}{os.pathsep}{kept}")
    if not found:
        why = "kubectl is not on the PATH: install it"
        pytest.skip(why)
    return found


@pytest.fixture
def theirs(tmp_path):
    """What the real kubectl says of a template: its exit code, stdout and stderr. It asks no server."""
    program = kubectl()
    (tmp_path / "thing.json").write_text(json.dumps(THING), "utf-8")

    def fill(template, output="jsonpath"):
        command = [program, "annotate", "--local", "-f", "thing.json", "z=1", "-o", f"{output}={template}"]
        command.insert(5, "--overwrite")
        environment = {"HOME": str(tmp_path), "KUBECONFIG": "/dev/null"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")

    return fill


@pytest.mark.parametrize(("template", "expected"), FILLED)
def test_a_template_is_filled_as_the_table_says(template, expected):
    if expected is None:
        with pytest.raises(TemplateError):
            Template(template).fill(THING)
    else:
        assert Template(template).fill(THING) == expected


@pytest.mark.parametrize(("template", "expected"), [one for one in FILLED if one[0]])
def test_kubectl_fills_it_so(template, expected, theirs):
    code, out, _ = theirs(template)
    if template == "{..name}":  # Go takes the entries of a map in any order
        out, expected = sorted(out.split()), sorted(expected.split())
    assert (out if code == 0 else None) == expected


@pytest.mark.parametrize(("template", "message"), UNREADABLE)
def test_a_template_that_cannot_be_read_is_refused_in_kubectls_words(template, message, theirs):
    with pytest.raises(TemplateError) as caught:
        Template(template)
    assert caught.value.message == message
    code, _, told = theirs(template)
    assert code == 1
    assert told.strip() == f"error: error parsing jsonpath {template}, {message}"


@pytest.mark.parametrize(("template", "message"), UNFILLABLE)
def test_a_template_that_asks_for_too_much_is_refused_in_kubectls_words(template, message, theirs):
    with pytest.raises(TemplateError) as caught:
        Template(template).fill(THING)
    assert message in caught.value.message
    code, _, told = theirs(template)
    assert code == 1
    assert message in told


def test_the_error_says_what_was_typed():
    with pytest.raises(InputError, match=r"error parsing jsonpath \{\.x, unclosed action"):
        read_template("jsonpath", "{.x")
    with pytest.raises(InputError, match=r'error executing jsonpath "\{\.numbers\[9\]\}": array index out of bounds'):
        read_template("jsonpath", "{.numbers[9]}")(THING, [THING])


def test_names_that_would_move_the_cursor_are_escaped_and_the_templates_own_text_is_not():
    evil = {"name": "\x1b[2J", "list": ["\u202e", "\x7f"]}
    assert Template(r'{.name}{"\t"}').fill(evil) == "\\x1b[2J\t"
    assert Template("{.list}").fill(evil) == '["\\u202e","\\u007f"]'


def test_json_output_is_a_list_of_each_result():
    assert json.loads(Template("{.list[*].name}").fill_as_json(THING)) == ["web", "api", "db"]


def test_json_output_is_laid_out_as_kubectls(theirs):
    template = "{.list}{.empty}{.floats}{.text}{.nested}{.metadata}{.nothing}"
    code, out, _ = theirs(template, "jsonpath-as-json")
    assert (code, Template(template).fill_as_json(THING)) == (0, out)


@given(st.text("{}[]().,:*?@$'\"\\ abrange1-=<>!+\n", max_size=40))
@settings(deadline=None)
def test_any_text_is_a_template_or_refused(text):
    try:
        Template(text).fill(THING)
    except TemplateError as error:
        assert error.message


def test_a_template_nested_a_thousand_times_is_refused():
    with pytest.raises(TemplateError):
        Template("{.list" + "[?(@.a" * 1000 + ")]" * 1000 + "}").fill(THING)


COLUMNS = "NAME:.metadata.name,PORTS:.list[*].port,TAGS:.list[0].tags,NONE:.nope,NULL:.nothing,ALL:{.metadata}"


def test_columns_are_the_users_own():
    table = to_columns([THING], parse_columns(COLUMNS)).splitlines()
    assert table[0].split() == ["NAME", "PORTS", "TAGS", "NONE", "NULL", "ALL"]
    assert table[1].split(maxsplit=5)[:3] == ["t", "80,8080,5432", "[x"]
    assert "<none>   <nil>   map[annotations:map[z:1] labels:map[a.b/c:dotted] name:t]" in table[1]


def test_an_empty_text_is_blank_and_what_is_missing_is_none():
    things = [{"name": "", "port": 80}, {"port": 443}, {"name": "", "port": ""}]
    assert to_columns(things, parse_columns("N:.name,P:.port")) == "N        P\n         80\n<none>   443\n\n"


def test_columns_without_headers_are_as_wide_as_what_stands_in_them():
    columns = parse_columns("A-LONG-HEADER:.name,P:.port")
    assert to_columns([{"name": "web", "port": 80}], columns, with_headers=False) == "web   80\n"
    assert to_columns([], columns, with_headers=False) == ""


def test_columns_come_from_a_file_too():
    table = to_columns([THING], parse_columns_file("N   K\n.metadata.name   {kind}\n"))
    assert [line.split() for line in table.splitlines()] == [["N", "K"], ["t", "Thing"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "custom-columns format specified but no custom columns given"),
        ("NAME", "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"),
        ("N:{a}{b}", "unexpected path string, expected a 'name1.name2'"),
        ("N:.a[", "unterminated array"),
    ],
)
def test_other_columns_are_refused_in_kubectls_words(text, message):
    with pytest.raises(TemplateError, match="^" + message.replace("[", r"\[")):
        parse_columns(text)


@pytest.mark.parametrize("text", ["", "A B\n", "A B\n.a\n"])
def test_a_file_of_columns_without_its_two_lines_is_refused(text):
    with pytest.raises(TemplateError):
        parse_columns_file(text)
