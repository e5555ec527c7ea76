"""Colours add nothing but colours."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.render.colour import colour_yaml
from kubectl_netpol.render.yaml import dump

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
texts = st.text(max_size=12)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=4), texts)
def test_without_its_colours_a_document_is_what_it_was(document, comment):
    text = dump(document, [((next(iter(document)),), comment)])
    coloured = colour_yaml(text)
    assert ESCAPE.sub("", coloured) == text
    assert coloured.count("\n") == text.count("\n")
    for line in coloured.splitlines():
        assert not ESCAPE.search(line) or line.endswith("\x1b[0m") or line.endswith(":")


def test_keys_values_and_comments_have_colours_of_their_own():
    text = dump({"a": {"b": "it's # no comment"}, "c": ["x: y", 1]}, [(("a", "b"), "told")])
    assert colour_yaml(f"---\n{text}").splitlines() == [
        "\x1b[2m---\x1b[0m",
        "\x1b[34;1ma\x1b[0m:",
        "  \x1b[34;1mb\x1b[0m: \x1b[32m'it''s # no comment'\x1b[0m\x1b[90m  # told\x1b[0m",
        "\x1b[34;1mc\x1b[0m:",
        "- \x1b[32m'x: y'\x1b[0m",
        "- \x1b[32m1\x1b[0m",
    ]
