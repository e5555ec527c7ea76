"""What was connected before the capture began: found, with the right direction, also where nothing is said any more."""

from __future__ import annotations

import signal
import socket
import threading

import pytest
from truth import ATTACHMENTS, Capture, Counted, Truth, compare, is_attached, within

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.wire import Marks


def two_pods(machine: Machine) -> tuple[Pod, Pod]:
    client = machine.add_pod("client", ("10.244.0.2", "fd00:10:244::2"))
    server = machine.add_pod("server", ("10.244.0.3", "fd00:10:244::3"))
    return client, server


def udp_pair(client: Pod, server: Pod, address: str, port: int, source: int) -> tuple[socket.socket, socket.socket]:
    """(client's socket, server's socket) of a conversation that has begun."""
    with server.inside():
        heard = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind((address, port))
    heard.settimeout(2)
    line = client.open_udp(address, port, source_port=source)
    line.send(b"a question")
    _, peer = heard.recvfrom(100)
    heard.connect(peer[:2])
    heard.send(b"an answer")
    assert line.recv(100) == b"an answer"
    return line, heard


@pytest.mark.kernel
@ATTACHMENTS
def test_silent_connections_are_found_with_their_direction(machine: Machine, attach: str):
    client, server = two_pods(machine)
    truth = Truth(machine)
    for port in (5432, 50051, 1024):  # below, within and at the edge of the clients' own ports
        server.listen_tcp(port)
        for address in server.addresses:
            for _ in range(3):
                truth.hold_tcp(client, server, address, port, Marks.EXISTING)
    client.listen_tcp(9000)
    truth.hold_tcp(server, client, client.address, 9000, Marks.EXISTING)
    with Capture(attach) as capture:
        for pod in (client, server):
            capture.wait(lambda account, pod=pod: len(account.of(pod)) >= 7, f"what {pod.name} had open")
        truth.tcp(client, server, server.address, 5432)
        key = f"out tcp {client.address} {server.address} 5432"
        capture.wait(lambda account: account.of(client)[key].attempts == 4, "a new connection beside old ones")
        compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_half_closed_connections_and_unfinished_ones(machine: Machine, attach: str):
    client, server = two_pods(machine)
    truth = Truth(machine)
    with server.inside():
        listener = socket.create_server((server.address, 80))
    closing = truth.hold_tcp(client, server, server.address, 80, Marks.EXISTING)
    accepted, _ = listener.accept()
    closing.shutdown(socket.SHUT_WR)
    machine.swallow("10.244.9.9/32")
    pending = client.begin_tcp("10.244.9.9", 443)  # is asked for again while the capture runs: then, an attempt
    truth.book(client, "out", "tcp", client.address, "10.244.9.9", 443, Counted(1))
    with Capture(attach) as capture:
        capture.wait_for_flow(client, f"out tcp {client.address} 10.244.9.9 443")
        capture.wait_for_flow(client, f"out tcp {client.address} {server.address} 80")
        compare(truth.flows, capture.stop())
    accepted.close()
    pending.close()


@pytest.mark.kernel
@ATTACHMENTS
def test_a_listener_that_is_gone_leaves_the_direction_to_be_told_by_the_ports(machine: Machine, attach: str):
    client, server = two_pods(machine)
    with server.inside():
        listener = socket.create_server((server.address, 5432))
    connection = client.open_tcp(server.address, 5432)
    accepted, _ = listener.accept()
    listener.close()
    truth = Truth(machine)
    truth.book(client, "out", "tcp", client.address, server.address, 5432, Counted(1, 1, 0, Marks.EXISTING))
    marks = Marks.EXISTING | Marks.INFERRED_PORT
    truth.book(server, "in", "tcp", server.address, client.address, 5432, Counted(1, 1, 0, marks))
    with Capture(attach) as capture:
        capture.wait_for_flow(server, f"in tcp {server.address} {client.address} 5432")
        capture.wait_for_flow(client, f"out tcp {client.address} {server.address} 5432")
        compare(truth.flows, capture.stop())
    connection.close()
    accepted.close()


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("family", [0, 1])
def test_running_udp_conversations_keep_their_direction_whoever_speaks_next(machine: Machine, attach: str, family: int):
    """The servers go on talking while the capture begins: no reply becomes a neighbor, not even the very first."""
    if family and not machine.has_ipv6:
        pytest.skip("this kernel has no IPv6")
    client, server = two_pods(machine)
    address = server.addresses[family]
    pairs = [udp_pair(client, server, address, port, 40000 + port) for port in (53, 5000, 8472)]
    truth = Truth(machine)
    for port in (53, 5000, 8472):
        truth.book_both(client, server, "udp", address, port, Counted(1, 1))
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(0.01):
            for _, heard in pairs:
                heard.send(b"more answers")

    talker = threading.Thread(target=talk)
    with Capture(attach, ready=False) as capture:
        talker.start()
        for pod in (client, server):
            capture.wait(lambda account, pod=pod: len(account.of(pod)) >= 3, f"the conversations of {pod.name}")
        capture.settle()
        stop.set()
        talker.join()
        account = capture.stop()
    truth_keys, keys = sorted(truth.flows), sorted(account.counted())
    assert keys == truth_keys


@pytest.mark.kernel
@ATTACHMENTS
def test_a_connection_made_before_its_interface_was_attached_is_found(machine: Machine, attach: str):
    """A pod's namespace is known before its interface is: what is open when the interface is attached counts."""
    server = machine.add_pod("server", ("10.244.0.3",))
    server.listen_tcp(5432)
    late = machine.add_namespace("late")
    with late.inside():
        listener = socket.create_server(("127.0.0.1", 6000))
    truth = Truth(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        for _ in range(3):
            capture.settle()  # what the namespace had before is read
        capture.process.send_signal(signal.SIGSTOP)  # it is stopped while the interface comes and is used
        machine.add_interface(late, ("10.244.0.9",))
        connection = late.open_tcp(server.address, 5432)
        capture.process.send_signal(signal.SIGCONT)
        truth.book(late, "out", "tcp", "10.244.0.9", server.address, 5432, Counted(1, 1, 0, Marks.EXISTING))
        truth.book(server, "in", "tcp", server.address, "10.244.0.9", 5432, Counted(1, 1))
        assert within(5, lambda: is_attached(late, attach))
        capture.wait_for_flow(late, f"out tcp 10.244.0.9 {server.address} 5432")
        compare(truth.flows, capture.stop())
    connection.close()
    listener.close()
