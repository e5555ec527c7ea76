"""What runs in the hub: etcd, API server, controller manager, scheduler; and the forwarder that leads there."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .layout import API_PORT, BINARIES, HUB, HUB_MACHINE, KEYS, PACKAGES, PODS, SERVICES, SOURCE
from .processes import HOST, Daemon, holder

_ETCD = "http://127.0.0.1:2379"


def daemons() -> tuple[Daemon, ...]:
    """All of the hub's, in the order in which they start. None waits: each tries until the others are there."""
    return (_etcd(), _api_server(), _controller_manager(), _scheduler())


def _etcd() -> Daemon:
    peer = "http://127.0.0.1:2380"
    options = {
        "data-dir": "/run/netpol-etcd",  # in memory, and gone with the hub
        "listen-client-urls": _ETCD,
        "advertise-client-urls": _ETCD,
        "listen-peer-urls": peer,
        "logger": "zap",
        "log-level": "warn",
    }
    return Daemon(HUB, "etcd", (str(PACKAGES / "usr/bin/etcd"), *_flags(options)))


def _api_server() -> Daemon:
    options = {
        "etcd-servers": _ETCD,
        "bind-address": "0.0.0.0",
        "secure-port": "6443",
        "advertise-address": HUB_MACHINE.ipv4,
        "service-cluster-ip-range": SERVICES,
        "tls-cert-file": f"{KEYS}/apiserver.crt",
        "tls-private-key-file": f"{KEYS}/apiserver.key",
        "client-ca-file": f"{KEYS}/ca.crt",
        "service-account-key-file": f"{KEYS}/service-accounts.pub",
        "service-account-signing-key-file": f"{KEYS}/service-accounts.key",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "kubelet-client-certificate": f"{KEYS}/admin.crt",
        "kubelet-client-key": f"{KEYS}/admin.key",
        "kubelet-certificate-authority": f"{KEYS}/ca.crt",
        "kubelet-preferred-address-types": "InternalIP",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "profiling": "false",
    }
    return Daemon(HUB, "kube-apiserver", _kubernetes("kube-apiserver", options))


def _controller_manager() -> Daemon:
    options = {
        "kubeconfig": f"{KEYS}/controller-manager.conf",
        "service-account-private-key-file": f"{KEYS}/service-accounts.key",
        "root-ca-file": f"{KEYS}/ca.crt",
        "cluster-signing-cert-file": f"{KEYS}/ca.crt",
        "cluster-signing-key-file": f"{KEYS}/ca.key",
        "use-service-account-credentials": "true",
        "cluster-cidr": PODS,
        "service-cluster-ip-range": SERVICES,
        "allocate-node-cidrs": "false",  # nodes.py says which node has which
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
    }
    return Daemon(HUB, "kube-controller-manager", _kubernetes("kube-controller-manager", options))


def _scheduler() -> Daemon:
    options = {"kubeconfig": f"{KEYS}/scheduler.conf", "leader-elect": "false", "bind-address": "127.0.0.1"}
    return Daemon(HUB, "kube-scheduler", _kubernetes("kube-scheduler", options))


def forwarder() -> Daemon:
    """Leads from 127.0.0.1 of the host to the API server. The hub has to be there."""
    arguments = (str(API_PORT), str(holder(HUB).number()), HUB_MACHINE.ipv4, "6443")
    return Daemon(HOST, "forwarder", (sys.executable, str(SOURCE / "forwarder.py"), *arguments))


def _kubernetes(name: str, options: dict[str, str]) -> Sequence[str]:
    return (str(BINARIES / name), *_flags(options), "-v=1")


def _flags(options: dict[str, str]) -> Sequence[str]:
    return tuple(f"--{name}={value}" for name, value in options.items())
