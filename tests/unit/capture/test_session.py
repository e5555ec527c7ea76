"""A session's annotation: whoever may write Jobs may write it, so it is read as a stranger's words."""

import json
import re
from dataclasses import replace

import pytest

from kubectl_netpol.capture.session import Session, decode, encode, new_name

SESSION = Session("k7m2px", "shop", ("deploy/web",), "app=web", ("n1",), 1_700_000_000_000, 0, True, 10.0)


def test_a_session_is_read_as_it_was_written():
    assert decode(encode(SESSION)) == SESSION


def test_names_are_short_and_can_be_typed():
    names = {new_name() for _ in range(200)}
    assert len(names) > 190
    assert all(re.fullmatch("[a-z2-9]{6}", name) for name in names)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": ""},
        {"name": "a" * 21},
        {"namespace": 1},
        {"selection": "deploy/web"},
        {"selection": [1]},
        {"nodes": ["n"] * 1001},
        {"begun": -1},
        {"begun": 1.5},
        {"ends": 1 << 60},
        {"interval": 0},
        {"interval": "2"},
        {"interval": True},
        {"labels": "x" * 5000},
    ],
)
def test_a_field_of_a_wrong_shape_makes_it_none(change):
    assert decode(json.dumps(json.loads(encode(SESSION)) | change)) is None


@pytest.mark.parametrize("text", [None, 3, "", "[]", "{}", "{", "null", "[" * 100_000, " " * (1 << 17)])
def test_what_is_no_session_is_none(text):
    assert decode(text) is None


def test_more_fields_than_are_known_do_no_harm():
    later = json.loads(encode(SESSION)) | {"colour": "blue"}
    assert decode(json.dumps(later)) == SESSION
    assert decode(encode(replace(SESSION, detached=False))) == replace(SESSION, detached=False)
