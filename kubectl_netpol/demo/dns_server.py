"""A small name server for the demo and the kernel tests, on dnspython: A, AAAA and CNAME from one fixed table.

It stands for the cluster's DNS with everything that it would have asked outside. The addresses are the demo world's.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL = 30
_CNAME_DEPTH = 8
ZONE: dict[str, dict[str, tuple[str, ...]]] = {
    "api.shop.svc.cluster.local.": {"A": ("10.96.0.20",)},
    "db.shop.svc.cluster.local.": {"A": ("10.244.0.40",)},
    "cache.shop.svc.cluster.local.": {"AAAA": ("fd00:10:244::30",)},
    "statsd.monitoring.svc.cluster.local.": {"A": ("10.96.0.25",)},
    "api.github.com.": {"CNAME": ("edge.github.com.",)},
    "edge.github.com.": {"A": ("142.250.1.104",)},
    "many.example.com.": {"A": tuple(f"198.51.100.{number}" for number in range(1, 201))},
}
"""Name, record type, values. ``many.example.com.`` is too long for a datagram: its answer comes over TCP."""


def answer(query: bytes) -> bytes:
    """The reply to a query, as wire format; empty for what is no query. UDP's limit is ``answer_udp``'s affair."""
    try:
        asked = dns.message.from_wire(query)
        reply = dns.message.make_response(asked)
    except (dns.exception.DNSException, ValueError):
        return b""
    reply.flags |= dns.flags.RA
    if asked.question:
        question = asked.question[0]
        _fill(reply, question.name, question.rdtype)
    return reply.to_wire(max_size=65535)


def answer_udp(query: bytes) -> bytes:
    """As ``answer``, but truncated (TC set, no records) when longer than the 512 bytes that every client takes."""
    whole = answer(query)
    if len(whole) <= 512:
        return whole
    reply = dns.message.make_response(dns.message.from_wire(query))
    reply.flags |= dns.flags.TC | dns.flags.RA
    return reply.to_wire()


def _fill(reply: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
    for _step in range(_CNAME_DEPTH):
        records = ZONE.get(name.canonicalize().to_text())
        if records is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return
        if "CNAME" not in records:
            values = records.get(dns.rdatatype.to_text(kind), ())
            if values:
                reply.answer.append(dns.rrset.from_text(name, TTL, "IN", dns.rdatatype.to_text(kind), *values))
            return
        reply.answer.append(dns.rrset.from_text(name, TTL, "IN", "CNAME", *records["CNAME"]))
        name = dns.name.from_text(records["CNAME"][0])


def frame(message: bytes) -> bytes:
    """A message with its length before it, as DNS over TCP has it (RFC 1035, 4.2.2)."""
    return len(message).to_bytes(2, "big") + message


def split_stream(stream: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages in a TCP stream, and the rest that is still incomplete."""
    messages = []
    while len(stream) >= 2 and len(stream) - 2 >= (length := int.from_bytes(stream[:2], "big")):
        messages.append(stream[2 : 2 + length])
        stream = stream[2 + length :]
    return messages, stream
