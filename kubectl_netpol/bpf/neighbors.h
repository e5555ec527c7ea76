/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the kernel's side and the agent share: the layout of keys and values. Little-endian hosts only; integers are in
 * host order, addresses in network order. agent/layout.py reads the same bytes, tests/unit/agent/layout.hex pins them.
 */
#ifndef NEIGHBORS_H
#define NEIGHBORS_H

/* One 16-byte form for both families: IPv4 is stored as ::ffff:a.b.c.d. */
struct address {
	union {
		__u8 bytes[16];
		__u64 halves[2];
	};
};

enum role {
	ROLE_IN = 0,  /* the peer began it: the local side is the server */
	ROLE_OUT = 1, /* the local side began it */
};

/* The client's ephemeral port is no part of it, so a million connections to one server are one entry. */
struct neighbor_key {
	__u32 scope; /* the agent's number of the network namespace */
	__u16 port;  /* the server's; 0 for ICMP */
	__u8 protocol;
	__u8 role;
	struct address local;
	struct address peer;
};

struct neighbor {
	__u64 attempts;
	__u64 answered;
	__u64 refused;
	__u64 first; /* ns of CLOCK_MONOTONIC */
	__u64 last;
	__u32 interface; /* index of the interface that showed it first */
	__u32 reserved;
};

struct udp_flow_key {
	__u32 scope;
	__u16 local_port;
	__u16 peer_port;
	struct address local;
	struct address peer;
};

struct udp_flow {
	__u64 seen;
	__u16 port;
	__u8 role;
	__u8 answered;
	__u8 refused;
	__u8 guessed; /* the local side was never heard: names are taken from servers that were asked only */
	__u8 reserved[2];
};

/* A UDP port that was bound before the capture began, and so may be in the middle of a conversation. */
struct bound_key {
	__u32 scope;
	__u32 port;
};

enum bound {
	BOUND_SERVER = 1,
	BOUND_CLIENT = 2,
};

enum count {
	COUNT_OVERFLOW,	 /* flows that found the map of neighbors full */
	COUNT_FRAGMENTS, /* fragments beyond the first */
	COUNT_MULTICAST,
	COUNT_BROADCAST,
	COUNT_ICMP,	   /* ICMP other than echo and unreachable */
	COUNT_OTHER,	   /* IP protocols that a policy cannot name */
	COUNT_SHORT,	   /* headers cut off or too deep */
	COUNT_UNSOLICITED, /* answers to nothing that was asked */
	COUNT_DNS_LOST,	   /* pieces of DNS answers for which the ring had no room */
	COUNTS,
};

#define DNS_CHUNK 1024

/* A piece of a DNS answer. Over UDP `position` counts from 0, over TCP it is the sequence number of the piece. */
struct dns_chunk {
	__u32 scope;
	__u16 local_port;
	__u8 protocol;
	__u8 last; /* of its packet */
	struct address local;
	struct address peer;
	__u32 position;
	__u32 length;
	__u8 data[DNS_CHUNK];
};

/* The constants of one loaded object. */
struct settings {
	__u64 seed;
	__u32 recent_mask;
	__u32 reserved;
};

/* Where the stubs jump to, in entries_tcx and entries_socket. */
enum entry {
	ENTRY_TCX_INGRESS,
	ENTRY_TCX_EGRESS,
	ENTRIES,
};

#endif
