"""The cluster's own authority, keys and kubeconfigs, made once by openssl: the addresses in them never change."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .layout import API_PORT, API_SERVICE, HUB_MACHINE, KEYS, NODES

_API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate: its file's name, its subject as openssl writes it, the names and addresses that it stands for."""

    name: str
    subject: str
    stands_for: tuple[str, ...] = ()


def _identities() -> tuple[Identity, ...]:
    api_addresses = ("127.0.0.1", HUB_MACHINE.ipv4, HUB_MACHINE.ipv6, *API_SERVICE)
    api = (*(f"IP:{address}" for address in api_addresses), *(f"DNS:{name}" for name in _API_NAMES))
    nodes = (
        Identity(
            node.name,
            f"/O=system:nodes/CN=system:node:{node.name}",
            (f"DNS:{node.name}", f"IP:{node.ipv4}", f"IP:{node.ipv6}"),
        )
        for node in NODES
    )
    return (
        Identity("apiserver", "/CN=kube-apiserver", api),
        Identity("admin", "/O=system:masters/CN=admin"),
        Identity("controller-manager", "/CN=system:kube-controller-manager"),
        Identity("scheduler", "/CN=system:kube-scheduler"),
        Identity("proxy", "/CN=system:kube-proxy"),
        Identity("calico", "/O=system:masters/CN=calico"),
        Identity("cilium", "/O=system:masters/CN=cilium"),
        *nodes,
    )


def make_certificates() -> None:
    """Fills layout.KEYS once: ca.crt, service-accounts.key and .pub, and NAME.crt, NAME.key, NAME.conf per identity."""
    if (KEYS / "complete").exists() and all((KEYS / f"{identity.name}.conf").exists() for identity in _identities()):
        return
    shutil.rmtree(KEYS, ignore_errors=True)
    KEYS.mkdir(mode=0o700, parents=True)
    _make_authority()
    _openssl("genrsa", "-out", "service-accounts.key", "2048")
    _openssl("rsa", "-in", "service-accounts.key", "-pubout", "-out", "service-accounts.pub")
    for identity in _identities():
        _sign(identity)
        _write_kubeconfig(identity.name)
    (KEYS / "complete").touch()


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=KEYS, check=True, capture_output=True)


def _make_key(name: str) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")


def _make_authority() -> None:
    _make_key("ca")
    extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
    added = [word for extension in extensions for word in ("-addext", extension)]
    subject = ("-subj", "/CN=netpol-cluster", "-days", "3650")
    _openssl("req", "-x509", "-new", "-key", "ca.key", "-out", "ca.crt", *subject, *added)


def _sign(identity: Identity) -> None:
    name = identity.name
    _make_key(name)
    _openssl("req", "-new", "-key", f"{name}.key", "-subj", identity.subject, "-out", f"{name}.csr")
    extensions = ["extendedKeyUsage=clientAuth,serverAuth", "keyUsage=critical,digitalSignature"]
    if identity.stands_for:
        extensions.append("subjectAltName=" + ",".join(identity.stands_for))
    (KEYS / f"{name}.ext").write_text("\n".join(extensions))
    authority = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650")
    _openssl("x509", "-req", "-in", f"{name}.csr", "-extfile", f"{name}.ext", "-out", f"{name}.crt", *authority)
    for suffix in ("csr", "ext"):
        (KEYS / f"{name}.{suffix}").unlink()


def _write_kubeconfig(name: str) -> None:
    # The admin stands outside and comes through the forwarder; everyone else is on the bridge.
    server = f"127.0.0.1:{API_PORT}" if name == "admin" else f"{HUB_MACHINE.ipv4}:6443"
    cluster = {"server": f"https://{server}", "certificate-authority-data": _encoded(KEYS / "ca.crt")}
    user = {
        "client-certificate-data": _encoded(KEYS / f"{name}.crt"),
        "client-key-data": _encoded(KEYS / f"{name}.key"),
    }
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "netpol-cluster", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "netpol-cluster", "context": {"cluster": "netpol-cluster", "user": name}}],
        "current-context": "netpol-cluster",
    }
    (KEYS / f"{name}.conf").write_text(json.dumps(configuration, indent=1))
    (KEYS / f"{name}.conf").chmod(0o600)


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
