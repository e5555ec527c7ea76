"""The agent of the container image, in a root of its own that is read-only, started as the image says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import dns.message
import pytest
from truth import ATTACHMENTS, Capture, Truth

from image.build import build_archive
from image.oci import native_architecture
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.wire import Marks
from tests.archives import Platform, read_archive, require_builder


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> tuple[Path, Platform]:
    """The root file system of the archive for this machine, and what the archive says of it."""
    require_builder()
    file = tmp_path_factory.mktemp("image") / "agent.tar"
    build_archive(file)
    found = read_archive(file).platforms()[f"linux/{native_architecture()}"]
    return found.unpack(tmp_path_factory.mktemp("root")), found


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def enter(root: Path) -> None:
    """Mounts what a runtime gives a container that shares its node's namespaces, and makes the rest read-only."""
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    mount("-t", "proc", "proc", root / "proc")
    for place in ("dev", "sys", "run"):
        mount("--rbind", f"/{place}", root / place)


def command_of(root: Path, found: Platform) -> tuple[list[str], dict[str, str]]:
    """(the words, the environment) with which a runtime would start it."""
    config = found.config["config"]
    environment = dict(pair.split("=", 1) for pair in config["Env"])
    chroot = shutil.which("chroot", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    return [str(chroot), str(root), *config["Entrypoint"]], environment


@pytest.mark.kernel
@ATTACHMENTS
def test_the_agent_of_the_image_records(machine: Machine, image, attach: str):
    root, found = image
    client, server = machine.add_pod("client", ("10.244.0.2",)), machine.add_pod("server", ("10.244.0.3",))
    truth = Truth(machine)
    server.listen_tcp(5432)
    server.listen_udp(53, Answer.DNS)
    truth.hold_tcp(client, server, server.address, 5432, Marks.EXISTING)
    enter(root)
    command, environment = command_of(root, found)
    with Capture(attach, command=command, environment=environment) as capture:
        existing = f"out tcp {client.address} {server.address} 5432"
        capture.wait_for_flow(client, existing)  # pyroute2 has read it
        truth.tcp(client, server, server.address, 5432)
        client.try_udp(server.address, 53, dns.message.make_query("api.github.com.", "A").to_wire())
        capture.wait(lambda account: account.names_of(client), "a name")  # dnspython has read it
        account = capture.stop()
    assert account.names_of(client) == {"142.250.1.104": {"api.github.com."}}
    assert account.of(client)[existing].attempts == 2


@pytest.mark.kernel
def test_the_root_of_the_test_is_read_only(machine: Machine, image):
    root, _ = image
    enter(root)
    with pytest.raises(OSError, match="Read-only"):
        (root / "opt/new").touch()
