"""A known server, and the blocks and addresses that it is told by. Pure; standard library only.

``documents`` makes these from YAML, the command line from its options, ``lookup`` answers with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from ..errors import InputError

TEXT_LIMIT = 253
"""No label, server or document is named longer, in characters (a DNS name's own limit)."""

CLUSTER = "cluster"
"""The format (of a Source) of what was read from a cluster; its place is the kubeconfig's context."""

BLOCK_HINT = "write an address and a prefix length, such as 142.250.1.0/24 or 2001:db8::/32"
_MAPPED = 0xFFFF << 32
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}", re.ASCII)
_IPV4_BLOCK = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(3[0-2]|[12]?[0-9]))?", re.ASCII)
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_DOCUMENT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class KnownServer:
    """One entry of a KnownServer document: what a lookup answers.

    ``cidr`` is canonical (no host bits, RFC 5952, never IPv4-mapped), ``ip_block`` is as the user wrote it;
    ``name`` (a label for people) and ``server`` (a host) may be empty; ``document`` is the object's metadata.name.
    """

    cidr: str
    ip_block: str
    name: str
    server: str
    document: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document was imported from: the format, and a URL or an absolute path."""

    form: str
    place: str


@dataclass(frozen=True, slots=True)
class Document:
    """A KnownServer object. ``every_address``: it is marked as one that may hold 0.0.0.0/0 or ::/0.

    ``source``: None for one that was written by hand.
    """

    name: str
    entries: tuple[KnownServer, ...]
    every_address: bool = False
    source: Source | None = None


class Address(NamedTuple):
    """``version`` is 4 or 6; an IPv4-mapped IPv6 address is version 4."""

    version: int
    number: int


class Block(NamedTuple):
    """``number`` is the first address; ``length`` the prefix, 0 to 32 or 128."""

    version: int
    number: int
    length: int

    @property
    def last(self) -> int:
        """The number of its last address."""
        return self.number + (1 << (32 if self.version == 4 else 128) - self.length) - 1

    @property
    def cidr(self) -> str:
        if self.version == 6:
            return f"{IPv6Address(self.number)}/{self.length}"
        return f"{'.'.join(map(str, self.number.to_bytes(4)))}/{self.length}"


def parse_address(text: str) -> Address:
    """The address that a text spells; raises InputError for anything else (zones such as ``%eth0`` too)."""
    octets = _IPV4.fullmatch(text)
    if octets is not None:
        return Address(4, int.from_bytes(map(int, octets.groups())))
    try:
        if "%" in text:
            raise AddressValueError("zone")
        number = int(IPv6Address(text))
    except AddressValueError as error:
        raise InputError(f"{text!r:.80} is no IP address", "write an address such as 142.250.1.104") from error
    return Address(4, number - _MAPPED) if number >> 32 == 0xFFFF else Address(6, number)


def parse_block(text: str) -> Block:
    """The block that a text spells: ``ADDRESS/LENGTH`` with host bits masked away, or an address (/32, /128).

    ``::ffff:a.b.c.d/n`` is the IPv4 block of n - 96. Raises InputError for anything else.
    """
    version, number, length = _parse_parts(text)
    shift = (32 if version == 4 else 128) - length
    return Block(version, number >> shift << shift, length)


def canonical_cidr(text: str) -> str:
    """The canonical form of a block; raises InputError as ``parse_block`` does."""
    version, number, length = _parse_parts(text)
    shift = (32 if version == 4 else 128) - length
    if version == 4 and number >> shift << shift == number and "/" in text and ":" not in text:
        return text  # the only spelling that an IPv4 block without host bits has
    return Block(version, number >> shift << shift, length).cidr


# Version, address with its host bits, and length. IPv4 comes first: most blocks are, and a file may hold very many.
def _parse_parts(text: str) -> tuple[int, int, int]:
    if (match := _IPV4_BLOCK.fullmatch(text)) is not None:
        *octets, prefix = match.groups()
        return 4, int.from_bytes(map(int, octets)), int(prefix) if prefix else 32
    address, slash, prefix = text.partition("/")
    try:
        version, number = parse_address(address)
    except InputError as error:
        raise InputError(f"{text!r:.80} is no IP block", BLOCK_HINT) from error
    width = 32 if version == 4 else 128
    if not slash:
        return version, number, width
    if not _PREFIX.fullmatch(prefix):
        raise InputError(f"{text!r:.80} is no IP block", BLOCK_HINT)
    length = int(prefix) - (96 if version == 4 and ":" in address else 0)
    if not 0 <= length <= width:
        raise InputError(f"{text!r:.80} is no IP block: the prefix length is out of range", BLOCK_HINT)
    return version, number, length


def known_server(document: str, ip_block: str, name: str = "", server: str = "") -> KnownServer:
    """An entry, checked: raises InputError when the block is none, or a text cannot stand in a policy."""
    check_text("name", name)
    check_text("server", server)
    return KnownServer(canonical_cidr(ip_block), ip_block, name, server, document)


def check_text(field: str, text: str) -> None:
    """Labels and servers go into YAML comments and onto terminals: one printable line of bounded length."""
    if len(text) > TEXT_LIMIT:
        raise InputError(f"{field} is longer than {TEXT_LIMIT} characters")
    if not text.isprintable():
        raise InputError(f"{field} {text!a:.80} holds a character that cannot be printed")


def check_document_name(name: str) -> None:
    """A Kubernetes object's name: an RFC 1123 subdomain."""
    if len(name) > TEXT_LIMIT or not _DOCUMENT_NAME.fullmatch(name):
        hint = "use lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit"
        raise InputError(f"{name!a:.80} is no name of a Kubernetes object", hint)


def holds_every_address(server: KnownServer) -> bool:
    """Whether the block is 0.0.0.0/0 or ::/0, which turns each rule into one for the whole Internet."""
    return server.cidr.endswith("/0")


def has_host_bits(server: KnownServer) -> bool:
    """Whether the block was written with an address that is not its first."""
    _, number, _ = _parse_parts(server.ip_block)
    return number != parse_block(server.cidr).number
