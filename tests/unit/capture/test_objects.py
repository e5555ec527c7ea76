"""Files of Kubernetes objects: what kubectl prints is read, anything else is refused in one line that names it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_netpol.capture.objects import read_objects
from kubectl_netpol.errors import InputError

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
LIST = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [POD, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}],
}


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "objects"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LIST),
        "\n  " + json.dumps(LIST, indent=1),
        yaml.safe_dump(LIST),
        "---\n" + yaml.safe_dump(LIST) + "---\n",
        "\ufeff" + yaml.safe_dump(LIST),
        "\ufeff" + json.dumps(LIST),
    ],
)
def test_what_kubectl_prints_is_read(tmp_path, text):
    assert read_objects(write(tmp_path, text)) == [LIST]


def test_many_documents_are_read_and_empty_ones_passed_over(tmp_path):
    assert read_objects(write(tmp_path, "---\n" + yaml.safe_dump_all([{"kind": "Pod"}, None, LIST]))) == [
        {"kind": "Pod"},
        LIST,
    ]


def test_a_few_references_are_followed(tmp_path):
    text = "kind: List\nitems: [{kind: Pod, metadata: &m {name: web}}, {kind: Node, metadata: *m}]"
    assert [item["metadata"] for item in read_objects(write(tmp_path, text))[0]["items"]] == [{"name": "web"}] * 2


def test_text_that_only_looks_like_an_anchor_is_text(tmp_path):
    pod = POD | {"metadata": {"name": "web", "annotations": {"run": "a &b && *c", "x": "[" * 3000, "y": "- " * 1500}}}
    assert read_objects(write(tmp_path, yaml.safe_dump(pod, width=1 << 20))) == [pod]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join(['*' + before] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGE_BOMB = "a: &a {x: 1}\n" + "".join(
    f"{after}: &{after}\n  <<: [{', '.join(['*' + before] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
BROKEN = {
    "empty": "",
    "only comments": "# nothing\n---\n",
    "a scalar": "hello",
    "a list": "- kind: Pod",
    "a kind that is no text": "kind: 7",
    "no kind": "metadata: {}",
    "cut YAML": "kind: List\nitems: [{kind: Pod",
    "cut JSON": json.dumps(LIST)[:-5],
    "two JSON documents": json.dumps(POD) + json.dumps(POD),
    "a tab": "kind:\n\tPod",
    "a Python object": "kind: !!python/object/apply:os.system [true]",
    "an unknown tag": "kind: !secret x",
    "a bad timestamp": "kind: !!timestamp abc",
    "a bad flag": "kind: !!bool maybe",
    "an empty number": "kind: !!int ''",
    "a day that is none": "kind: 2024-13-45",
    "a huge number": "kind: " + "9" * 5000,
    "a huge JSON number": '{"kind": ' + "9" * 5000 + "}",
    "half a surrogate pair": '{"kind": "Pod", "metadata": {"name": "\\ud800"}}',
    "a reference to itself": "kind: Pod\nmetadata: &m {name: *m}",
    "a reference to nothing": "kind: *k",
    "a bomb of references": "kind: List\n" + BOMB,
    "a bomb of merges": "kind: List\n" + MERGE_BOMB,
    "deep brackets": "[" * 100_000,
    "deep braces": '{"a":' * 100_000,
    "deep flow mappings": "[{a: " * 50_000,
    "deep dashes": "- " * 100_000,
    "deep indentation": "".join(" " * depth + "a:\n" for depth in range(2500)),
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "UTF-16": json.dumps(LIST).encode("utf-16"),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_anything_else_is_refused_quickly_in_one_line_that_names_the_file(tmp_path, text):
    path, begun, memory = write(tmp_path, text), time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as refused:
        read_objects(path)
    assert refused.value.message.startswith(f"{path}: ")
    assert "\n" not in refused.value.message
    assert "kubectl get" in refused.value.hint
    assert time.monotonic() - begun < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 300_000  # KiB


@pytest.mark.parametrize("path", ["missing", ".", "/dev/zero", "/dev/null"])
def test_what_is_no_file_is_refused(tmp_path, path):
    with pytest.raises(InputError, match=r".+: .+"):
        read_objects(tmp_path / path)


def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    writer = subprocess.Popen([sys.executable, "-c", script, pipe, json.dumps(LIST)])
    assert read_objects(pipe) == [LIST]
    assert writer.wait(timeout=10) == 0


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.text(alphabet="{}[]:,-?&*!|>'\"%@` \n#ab01~<=.", max_size=80).map(str.encode),
        st.integers(0, 300).map(lambda cut: yaml.safe_dump(LIST).encode()[:cut]),
    )
)
def test_any_bytes_are_objects_or_refused(tmp_path_factory, content):
    path = write(tmp_path_factory.getbasetemp(), content)
    try:
        assert all(isinstance(found["kind"], str) for found in read_objects(path))
    except InputError as error:
        assert "\n" not in error.message
