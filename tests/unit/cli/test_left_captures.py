"""What is said of captures that somebody left at once."""

import re
from types import SimpleNamespace

import pytest

from kubectl_netpol.capture.node_capture import NodeCapture
from kubectl_netpol.cli.left_captures import tell_left

STAYS = NodeCapture("n2", "b", expires=1_700_000_000_000)


@pytest.mark.parametrize("left", [[], [STAYS]])
def test_what_is_left_is_told_with_its_end_and_the_command_that_ends_it(capsys, left):
    capture = SimpleNamespace(session="k7m2px", deadline=300, ttl=60)
    captures = SimpleNamespace(fleet=SimpleNamespace(left=left), capture=capture)
    tell_left(captures, SimpleNamespace(command=lambda *words: " ".join(("kubectl netpol", *words))))
    said = capsys.readouterr().err
    assert bool(said) is bool(left)
    assert not left or re.fullmatch(
        r"left at once: the API server ends the captures of session k7m2px by \d\d:\d\d:\d\d and removes their Jobs "
        r"60 s later; to do it now: kubectl netpol stop k7m2px\n",
        said,
    )
