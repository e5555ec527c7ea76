"""TAB in a real bash: what a value has before a break character is neither doubled nor lost."""

import os
import shutil

import pexpect
import pytest

from kubectl_netpol.cli.completion_scripts import SCRIPTS

PROGRAM = """#!/bin/sh
printf '%s\\n' arn:aws:eks:eu-1:1:cluster/shop team@shop 'app=web\tan application' :4
"""
WORDS = ("arn:aws:eks:eu-1:1:cluster/shop", "team@shop", "app=web")


@pytest.fixture
def bash(tmp_path):
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    program = tmp_path / "kubectl-netpol"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / "script").write_text(SCRIPTS["bash"])
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TERM": "dumb", "INPUTRC": "/dev/null"}
    arguments = ["--norc", "--noprofile", "-i"]
    child = pexpect.spawn("bash", arguments, env=environment, encoding="utf-8", timeout=30, dimensions=(50, 300))
    child.delaybeforesend = None
    child.sendline(f". {tmp_path}/script; PS1='READY> '; echo SET''UP")
    child.expect_exact("SETUP")
    child.expect_exact("READY> ")
    yield child
    child.close(force=True)


@pytest.mark.parametrize("flag", ["--context ", "--context="])
@pytest.mark.parametrize("without", ["", ":", "[=@]", "[:@=]"])
def test_a_value_with_break_characters_is_completed_from_wherever_it_was_begun(bash, without, flag):
    bash.sendline(f"COMP_WORDBREAKS=${{COMP_WORDBREAKS//{without}}}")
    bash.expect_exact("READY> ")
    for word in WORDS:
        for length in range(2, len(word)):
            bash.send(f"kubectl-netpol {flag}{word[:length]}\t\x01echo TOLD \x05\r")
            for _ in ("what was typed", "what it says"):
                bash.expect(r"TOLD kubectl-netpol ([^\r\n]*?) *\r\n")
            assert bash.match[1] == f"{flag}{word}"
            bash.expect_exact("READY> ")
