"""Nothing is skipped in silence where CI=true, whatever way it is skipped; elsewhere skips are skips."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.fixture
def absent():
    pytest.skip("the fixture's reason")

@pytest.mark.skipif(True, reason="the mark's reason")
def test_mark(): pass

def test_fixture(absent): pass

def test_body():
    pytest.skip("the body's reason")

@pytest.mark.xfail
def test_expected():
    assert False

def test_good(): pass
"""


@pytest.mark.parametrize(
    ("value", "told"), [("true", "1 failed, 1 passed, 1 xfailed, 2 errors"), ("", "1 passed, 3 skipped, 1 xfailed")]
)
def test_what_is_skipped_fails_in_ci_only(tmp_path, value, told):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", str(tmp_path)]
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTEST")} | {"CI": value}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert told in done.stdout
    for kind in ("mark", "fixture", "body") if value else ():
        assert f"the {kind}'s reason" in done.stdout
