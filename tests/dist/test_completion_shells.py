"""TAB in a real bash, zsh and fish on a terminal, through the real kubectl and without it, from the frozen program."""

import re
import shutil
from contextlib import contextmanager

import pexpect
import pytest

from kubectl_netpol import __version__
from kubectl_netpol.cache.store import Store
from kubectl_netpol.model import Workload
from tests.unit.cache.recordings import recording

SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "PS1='READY> '; . /usr/share/bash-completion/bash_completion; source <({program} completion bash)",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "PS1='READY> '; autoload -Uz compinit; compinit -u; source <({program} completion zsh)",
    ),
    "fish": (
        ["fish", "--no-config", "--interactive"],
        "function fish_prompt; echo 'READY> '; end; {program} completion fish | source",
    ),
}
PROGRAMS = {"kubectl": "kubectl netpol", "kubectl-netpol": "kubectl-netpol"}


@pytest.fixture
def user(unpacked):
    """A user with a recording, who has set completion up."""
    with Store.open(unpacked.folder / ".cache/kubectl-netpol") as store:
        kept = [("shop", "Deployment", "web", "apps/v1"), ("shop", "Deployment", "gateway", "apps/v1")]
        store.merge("local", [recording(Workload(*one)) for one in kept])
    made = unpacked.run("kubectl", "netpol", "completion", "install").stdout
    assert made == f"{unpacked.folder}/bin/kubectl_complete-netpol created\n"
    return unpacked


@contextmanager
def terminal(user, shell, program):
    words, setup = SHELLS[shell]
    if not shutil.which(words[0]):
        why = f"{shell} is not installed"
        pytest.skip(why)
    environment = user.environment(TERM="xterm", INPUTRC="/dev/null")
    child = pexpect.spawn(
        words[0], words[1:], env=environment, cwd=str(user.folder), encoding="utf-8", timeout=60, dimensions=(50, 200)
    )
    try:
        child.sendline(setup.format(program=program) + "; echo SET''UP")
        child.expect_exact("SETUP")
        child.expect_exact("READY> ")
        yield child
    finally:
        child.close(force=True)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_tab_completes_verbs_values_and_workloads(user, shell, program):
    with terminal(user, shell, program) as child:
        child.send(f"{PROGRAMS[program]} versi\t")
        child.expect_exact("version")
        child.send("-o js\t")
        child.expect_exact("json")
        child.send("\r")
        child.expect_exact(f'"gitVersion": "v{__version__}"')
        child.expect_exact("READY> ")
        child.send(f"{PROGRAMS[program]} neighbors --loc\t")
        child.expect(r"--local")
        child.send("-n shop deploy/w\t")
        child.expect_exact("deploy/web")
        child.send("-o name\r")
        child.expect_exact("deployment.apps/web")


@pytest.mark.parametrize("program", PROGRAMS)
def test_fish_shows_what_each_candidate_is(user, program):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    script = f"{program} completion fish | source; complete -C '{PROGRAMS[program]} ge'"
    said = user.run("fish", "--no-config", "-c", script).stdout
    assert re.search(r"^generate\tPrint NetworkPolicies", said, re.M)


def test_kubectl_itself_asks_the_frozen_program(user):
    def asked(*words):
        return user.run("kubectl", "__complete", "netpol", *words).stdout.splitlines()

    verbs = asked("")
    assert [line for line in verbs if line.startswith("generate\t")]
    assert verbs[-1] == ":4"
    assert asked("generate", "--local", "-n", "shop", "deploy/") == ["deploy/gateway\trecorded", "deploy/web\trecorded", ":4"]
    assert asked("generate", "--output=")[:3] == ["yaml", "json", "name"]
    assert asked("generate", "-f", "") == [":0"]
    assert asked("import", "--from", "hubble", "") == [":0"]
    assert asked("generate", "-o", "jsonpath-a") == ["jsonpath-as-json=", ":6"]
    flags = asked("generate", "--name")
    assert [line.split("\t")[0] for line in flags] == ["--namespace", ":4"]


def test_after_uninstall_kubectl_has_nothing_to_ask(user):
    user.run("kubectl", "netpol", "completion", "uninstall")
    assert user.run("kubectl", "__complete", "netpol", "ge").stdout.splitlines() == [":0"]
