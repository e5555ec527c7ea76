"""Captures of packets as tcpdump and Wireshark write them, packet by packet."""

import struct
from ipaddress import ip_address

from kubectl_netpol.imports.packets import ETHERNET, LOOP, NULL, RAW, SLL, SLL2

SYN, RST, ACK = 2, 4, 16
AT = 1_700_000_000
WEB, DB, WORLD, WEB6, DB6 = "10.0.1.1", "10.0.2.1", "203.0.113.9", "fd00::1", "fd00::2"
LINKS = [ETHERNET, RAW, SLL, SLL2, NULL, LOOP]


def pod(name, *addresses):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": name,
            "labels": {"app": name},
            "creationTimestamp": "2023-01-01T00:00:00Z",
        },
        "status": {"podIPs": [{"ip": one} for one in addresses]},
    }


OBJECTS = [pod("web", WEB, WEB6), pod("db", DB, DB6)]


def ip(source, destination, protocol, data):
    one, other = ip_address(source).packed, ip_address(destination).packed
    if len(one) == 4:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, protocol, 0) + one + other + data
    return struct.pack(">IHBB", 6 << 28, len(data), protocol, 64) + one + other + data


def tcp(ports, flags, number=7):
    return struct.pack(">HHIIBBHHH", *ports, number, 0, 5 << 4, flags, 0, 0, 0)


def udp(ports, payload=b""):
    return struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload


def linked(link, packet):
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return {
        ETHERNET: bytes(12) + b"\x81\x00\x00\x05" + struct.pack(">H", kind),
        RAW: b"",
        SLL: bytes(14) + struct.pack(">H", kind),
        SLL2: struct.pack(">H", kind) + bytes(18),
        NULL: bytes(4),
        LOOP: bytes(4),
    }[link] + packet


def classic(packets, link=ETHERNET, order="<", magic=0xA1B2C3D4, at=AT):
    head = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 262144, link)
    parts = [linked(link, packet) for packet in packets]
    return head + b"".join(
        struct.pack(f"{order}IIII", at + i, 0, len(one), len(one)) + one for i, one in enumerate(parts)
    )


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    return struct.pack(f"{order}II", kind, 12 + len(body)) + body + struct.pack(f"{order}I", 12 + len(body))


def next_generation(packets, link=ETHERNET, order="<"):
    found = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    option = struct.pack(f"{order}HH", 9, 1) + bytes([9, 0, 0, 0]) + bytes(4)  # nanoseconds
    found += block(1, struct.pack(f"{order}HHI", link, 0, 0) + option, order)
    for number, packet in enumerate(packets):
        data = linked(link, packet)
        ticks = (AT + number) * 1_000_000_000
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        found += block(6, head + data, order)
    statistics = struct.pack(f"{order}III", 0, 0, 0) + struct.pack(f"{order}HHQ", 5, 8, 3) + bytes(4)
    return found + block(5, statistics, order)


def connection(client, server):
    """The packets by which a TCP connection to the database begins."""
    asked, answered = tcp((40000, 5432), SYN), tcp((5432, 40000), SYN | ACK)
    return [ip(client, server, 6, asked), ip(server, client, 6, answered)]


CONNECTION = connection(WEB, DB)
