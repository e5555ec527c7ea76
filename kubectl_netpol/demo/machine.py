"""The node of a private machine, and its pods: network namespaces joined by real links, routes and Services.

To be used inside ``isolation.run_isolated``. Like a plain point-to-point CNI, each pod has one veth to the node's
namespace, addresses of its own (/32, /128) and a default route, so that every packet between two pods is routed, and
translated, by the node. ``world`` builds the demo of it, the kernel tests their random matrices.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ..errors import CaptureError
from . import namespaces
from .pod import Pod
from .servers import Servers
from .translation import Service, Translation

NODE_IPV4, NODE_IPV6 = "192.0.2.10", "2001:db8::10"
_GATEWAY_IPV4, _GATEWAY_IPV6 = "169.254.1.1", "fe80::1"
_NETNS = Path("/run/netns")
_NO_DAD = 0x02
_BLACKHOLE = 6
_ON_LINK = 253
_EVERYWHERE = {
    # Each refusal is told, and a packet may come in where no answer to it would go out.
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "1000000",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
}
_ROUTING = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1", "net/ipv4/conf/all/send_redirects": "0"}


class Machine:
    """One node with its pods. All of it ends with the private machine; ``remove_pod`` is for pods that vanish."""

    def __init__(self, node_addresses: Sequence[str] = (NODE_IPV4, NODE_IPV6)) -> None:
        self.has_ipv6 = Path("/proc/net/if_inet6").exists()
        self.node_addresses = self._usable(node_addresses)
        self.pods: dict[str, Pod] = {}
        self.servers = Servers()
        self.translation = Translation()
        self._routes = IPRoute()
        self._numbers = iter(range(1, 1 << 30))
        _raise_descriptor_limit()
        _NETNS.mkdir(exist_ok=True)
        _write_sysctls(_EVERYWHERE | _ROUTING)
        self._routes.link("set", index=1, state="up")
        for address in self.node_addresses:
            self._add_address(self._routes, 1, address)

    def add_pod(self, name: str, addresses: Sequence[str], interface: str = "eth0") -> Pod:
        """A namespace ``/run/netns/NAME`` with these addresses, joined to the node; IPv6 ones need an IPv6 kernel."""
        pod = self.add_namespace(name)
        self.add_interface(pod, addresses, interface)
        return pod

    def add_namespace(self, name: str) -> Pod:
        """A namespace with a loopback interface only, known by its mount under /run/netns."""
        if name in self.pods:
            raise ValueError(f"there is a pod {name} already")
        pod = Pod(name, _make_network(_NETNS / name), self.servers)
        with pod.inside(), IPRoute() as routes:
            _write_sysctls(_EVERYWHERE)
            routes.link("set", index=1, state="up")
        self.pods[name] = pod
        return pod

    def add_interface(self, pod: Pod, addresses: Sequence[str], interface: str = "eth0") -> None:
        """One more link between the pod and the node; the first one of each family bears the default route."""
        usable = self._usable(addresses)
        outer = f"veth{next(self._numbers)}"
        peer = {"ifname": interface, "net_ns_fd": pod.descriptor}
        self._routes.link("add", ifname=outer, kind="veth", peer=peer)
        index = self._routes.link_lookup(ifname=outer)[0]
        self._furnish_gateway(index)
        with pod.inside(), IPRoute() as routes:
            self._furnish_pod(pod, routes, interface, usable)
        for address in usable:
            self._route_to(index, address)
        pod.addresses += usable

    def move_address(self, address: str, giver: Pod, taker: Pod) -> None:
        """Give a pod's address to another pod, as a cluster does when it uses an address again."""
        version = ip_address(address).version
        self._routes.route("del", **_destination(address))
        with giver.inside(), IPRoute() as routes:
            index = routes.link_lookup(ifname="eth0")[0]
            routes.addr("del", index=index, address=address, prefixlen=32 if version == 4 else 128)
        giver.addresses = tuple(kept for kept in giver.addresses if kept != address)
        with taker.inside(), IPRoute() as routes:
            self._add_address(routes, routes.link_lookup(ifname="eth0")[0], address)
        taker.addresses += (address,)
        self._route_to(self._outer_index(taker), address)

    def remove_pod(self, pod: Pod) -> None:
        """Take the pod's servers, mount and link away; sockets and processes of the caller's keep the namespace."""
        self.servers.close(pod.name)
        del self.pods[pod.name]
        self.drop_mount(pod)
        pod.close()

    def drop_mount(self, pod: Pod) -> None:
        """Take the pod's name under /run/netns away, so that it is known by its processes only."""
        place = _NETNS / pod.name
        if place.exists():
            namespaces.unmount(str(place))
            place.unlink()

    def add_service(self, service: Service) -> None:
        """Translate a ClusterIP's port to the pods' own ports, as kube-proxy's nftables mode does."""
        self.translation.add(service)

    def swallow(self, block: str) -> None:
        """Packets to this block are taken by the node and never answered, as by a host that is gone."""
        network = ip_network(block)
        self._routes.route("add", dst=str(network), type=_BLACKHOLE, family=_family(network.version))

    def _usable(self, addresses: Iterable[str]) -> tuple[str, ...]:
        return tuple(address for address in addresses if self.has_ipv6 or ":" not in address)

    def _furnish_gateway(self, index: int) -> None:
        self._routes.link("set", index=index, state="up")
        self._add_address(self._routes, index, _GATEWAY_IPV4)
        if self.has_ipv6:
            self._add_address(self._routes, index, _GATEWAY_IPV6)

    def _furnish_pod(self, pod: Pod, routes: IPRoute, interface: str, addresses: Sequence[str]) -> None:
        index = routes.link_lookup(ifname=interface)[0]
        routes.link("set", index=index, state="up")
        for address in addresses:
            self._add_address(routes, index, address)
        begun = {ip_address(known).version for known in pod.addresses}
        for version in {ip_address(address).version for address in addresses} - begun:
            gateway = _GATEWAY_IPV4 if version == 4 else _GATEWAY_IPV6
            if version == 4:
                routes.route("add", dst=f"{gateway}/32", oif=index, scope=_ON_LINK, family=_family(4))
            routes.route("add", dst="default", gateway=gateway, oif=index, family=_family(version))

    def _route_to(self, index: int, address: str) -> None:
        version = ip_address(address).version
        source = [own for own in self.node_addresses if ip_address(own).version == version]
        extra = {"prefsrc": source[0]} if source else {}
        self._routes.route("replace", oif=index, **_destination(address), **extra)

    def _outer_index(self, pod: Pod) -> int:
        with pod.inside(), IPRoute() as routes:
            inner = routes.get_links(ifname="eth0")[0]
        return int(inner.get_attr("IFLA_LINK"))

    @staticmethod
    def _add_address(routes: IPRoute, index: int, address: str) -> None:
        version = ip_address(address).version
        flags = {"flags": _NO_DAD} if version == 6 else {}
        length = 32 if version == 4 else 64 if address == _GATEWAY_IPV6 else 128
        routes.addr("add", index=index, address=address, prefixlen=length, **flags)


def _family(version: int) -> int:
    return 2 if version == 4 else 10


def _destination(address: str) -> dict[str, str | int]:
    version = ip_address(address).version
    return {"dst": f"{address}/{32 if version == 4 else 128}", "family": _family(version)}


def _make_network(place: Path) -> int:
    place.touch()
    home = os.open(namespaces.OWN_NETWORK, os.O_RDONLY)
    try:
        namespaces.unshare(namespaces.CLONE_NEWNET)
        try:
            namespaces.mount(namespaces.OWN_NETWORK, str(place), "", namespaces.MS_BIND)
            return os.open(namespaces.OWN_NETWORK, os.O_RDONLY)
        finally:
            namespaces.enter_network(home)
    finally:
        os.close(home)


def _write_sysctls(values: dict[str, str]) -> None:
    # Of the calling thread's own network namespace; a kernel without IPv6 or with an older set lacks some.
    for name, value in values.items():
        place = Path("/proc/sys") / name
        try:
            place.write_text(value)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.EACCES or name not in _ROUTING:
                continue
            raise CaptureError(
                f"the kernel does not let {place} be set", "in a container, give it --privileged"
            ) from error


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def told_refusals() -> Iterator[None]:
    """Within the block, a link, address or route that the kernel refuses raises CaptureError."""
    try:
        yield
    except NetlinkError as error:
        reason = os.strerror(error.code)
        hint = "the kernel needs veth; in a container, give it --privileged"
        raise CaptureError(f"the kernel refuses to make network links: {reason}", hint) from error
