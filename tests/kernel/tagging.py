"""A VLAN between two pods, by the kernel's own VLAN interfaces or, where it has none, by a program that does the same.

The program's interface is a TAP device with the trunk's hardware address: frames that are sent by it go out by the
trunk with a tag, and those that come by the trunk with the tag come in by it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import threading

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from kubectl_netpol.demo.pod import Pod

TRUNK, NUMBER = "trunk", 100
VLAN = f"{TRUNK}.{NUMBER}"
_TUNSETIFF, _TAP, _NO_INFORMATION = 0x400454CA, 0x0002, 0x1000
_ALL, _TAGGED = 0x0003, 0x8100
_SOL_PACKET, _AUXDATA, _OUTGOING = 263, 8, 4
_HAS_TAG = 0x10


def join_by_vlan(left: Pod, right: Pod) -> None:
    """Both pods' ``trunk`` interfaces are one cable; on it VLAN 100 with 10.100.0.1 and 10.100.0.2."""
    with left.inside(), IPRoute() as routes:
        routes.link("add", ifname=TRUNK, kind="veth", peer={"ifname": TRUNK, "net_ns_fd": right.descriptor})
    for number, pod in enumerate((left, right), 1):
        with pod.inside(), IPRoute() as routes:
            trunk = routes.link_lookup(ifname=TRUNK)[0]
            routes.link("set", index=trunk, state="up")
            _add_vlan(routes, trunk)
            vlan = routes.link_lookup(ifname=VLAN)[0]
            routes.link("set", index=vlan, state="up")
            routes.addr("add", index=vlan, address=f"10.100.0.{number}", prefixlen=24)
        pod.addresses = (f"10.100.0.{number}",)


def _add_vlan(routes: IPRoute, trunk: int) -> None:
    try:
        routes.link("add", ifname=VLAN, kind="vlan", link=trunk, vlan_id=NUMBER)
    except NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        _play_vlan(routes, trunk)


def _play_vlan(routes: IPRoute, trunk: int) -> None:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", VLAN.encode(), _TAP | _NO_INFORMATION))
    hardware = routes.get_links(trunk)[0].get_attr("IFLA_ADDRESS")
    routes.link("set", index=routes.link_lookup(ifname=VLAN)[0], address=hardware)
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    cable.setsockopt(_SOL_PACKET, _AUXDATA, 1)
    cable.bind((TRUNK, _ALL))
    threading.Thread(target=_carry, args=(tap, cable), daemon=True).start()


def _carry(tap: int, cable: socket.socket) -> None:
    while True:
        for ready in select.select([tap, cable], [], [])[0]:
            if ready == tap:
                frame = os.read(tap, 1 << 16)
                cable.send(frame[:12] + struct.pack(">HH", _TAGGED, NUMBER) + frame[12:])
            else:
                _take(tap, cable)


def _take(tap: int, cable: socket.socket) -> None:
    # The kernel takes the tag out of the frame and tells it beside (struct tpacket_auxdata).
    frame, beside, _, sender = cable.recvmsg(1 << 16, 64)
    told = next((data for level, kind, data in beside if (level, kind) == (_SOL_PACKET, _AUXDATA)), bytes(20))
    status, *_, tag, _ = struct.unpack("IIIHHHH", told[:20])
    if sender[2] != _OUTGOING and status & _HAS_TAG and tag & 0xFFF == NUMBER:
        with contextlib.suppress(OSError):  # EIO: it is not up yet
            os.write(tap, frame)
