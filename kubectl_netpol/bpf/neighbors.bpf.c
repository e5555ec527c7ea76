// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Who talks to whom, told at a pod's own interface.
 *
 * observe() sees every packet of an interface, aggregates connections by (local, peer, server port, protocol, who began
 * it), and never touches the packet. TCP and SCTP are told by their handshakes, UDP by who spoke first. Two ways in:
 * tcx programs, which always return TCX_NEXT, and an AF_PACKET socket's filter, which copies nothing but DNS answers.
 *
 * The programs are loaded and verified once. Each namespace has stubs of a dozen instructions (agent/stub.py) that note
 * the namespace's number in `scopes` and jump here, so that a new pod costs no verification.
 *
 * Only the kernel's stable interface is used (no BTF, no CO-RE), so one little-endian object serves every machine. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "neighbors.h"

/* Called, not inlined: what several branches need stands once in the program. */
#define CALLED __attribute__((noinline))

#define TCX_NEXT (-1)

#define ETH_HEADER 14
#define ETH_IPV4 0x0800
#define ETH_IPV6 0x86DD
#define ETH_VLAN 0x8100
#define ETH_QINQ 0x88A8

#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4

#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMPV6 58
#define PROTO_SCTP 132

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define SCTP_INIT 1
#define SCTP_INIT_ACK 2
#define SCTP_ABORT 6

#define DNS_PORT 53
#define EPHEMERAL 32768
#define MILLISECOND 1000000ULL
#define UDP_REFRESH (100 * MILLISECOND)
#define UDP_IDLE (60000 * MILLISECOND)
#define MAX_EXTENSIONS 8
#define MAX_CHUNKS 64

const volatile struct settings settings = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct neighbor_key);
	__type(value, struct neighbor);
} neighbors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct udp_flow_key);
	__type(value, struct udp_flow);
} udp_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct bound_key);
	__type(value, __u32);
} bound_ports SEC(".maps");

/* Signatures of handshake packets seen lately: a retransmission is no second connection. A place holds two; when both
 * were overwritten too early, one retransmission counts as an attempt, and nothing is missed by it. */
struct recent_pair {
	__u64 newer;
	__u64 older;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct recent_pair);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* The namespace whose stub runs on this CPU. Packets are handled with bottom halves off, so nothing comes between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} scopes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u32);
} entries_tcx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} entries_socket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} answers SEC(".maps");

struct packet {
	struct address source;
	struct address destination;
	__u32 transport; /* offset of the transport header, from the network header */
	__u32 end;	 /* offset behind the IP payload */
	__u32 scope;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	bool outgoing;
};

/* Where a DNS answer's bytes lie, from the network header; length 0 when the packet is none. */
struct answer {
	__u32 scope;
	__u32 offset;
	__u32 length;
	__u32 position;
	__u16 local_port;
	__u8 protocol;
	struct address local;
	struct address peer;
};

/* From the network header. bpf_skb_load_bytes_relative reads a packet's linear part only, and TCP's data lies in pages:
 * bpf_skb_load_bytes reads those too, but counts from the link header where there is one (tcx). */
static CALLED long load_paged(struct __sk_buff *skb, __u32 offset, void *into, __u32 length)
{
	__u64 begin, behind_link;
	if (bpf_skb_load_bytes_relative(skb, 0, &begin, sizeof(begin), BPF_HDR_START_NET))
		return -1;
	if (!bpf_skb_load_bytes(skb, ETH_HEADER, &behind_link, sizeof(behind_link)) && behind_link == begin)
		offset += ETH_HEADER;
	return bpf_skb_load_bytes(skb, offset, into, length);
}

static __always_inline bool load(struct __sk_buff *skb, __u32 offset, void *into, __u32 length)
{
	return bpf_skb_load_bytes_relative(skb, offset, into, length, BPF_HDR_START_NET) == 0 ||
	       load_paged(skb, offset, into, length) == 0;
}

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &which);
	if (value)
		*value += 1;
}

static __always_inline const struct address *local_of(const struct packet *packet)
{
	return packet->outgoing ? &packet->source : &packet->destination;
}

static __always_inline const struct address *peer_of(const struct packet *packet)
{
	return packet->outgoing ? &packet->destination : &packet->source;
}

static __always_inline __u16 local_port_of(const struct packet *packet)
{
	return packet->outgoing ? packet->source_port : packet->destination_port;
}

static __always_inline __u16 peer_port_of(const struct packet *packet)
{
	return packet->outgoing ? packet->destination_port : packet->source_port;
}

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash ^= value;
	hash *= 0x9E3779B97F4A7C15ULL;
	return hash ^ (hash >> 29);
}

static __always_inline __u64 mix_address(__u64 hash, const struct address *address)
{
	return mix(mix(hash, address->halves[0]), address->halves[1]);
}

enum step {
	STEP_ASKED = 1,
	STEP_ANSWERED = 2,
	STEP_REFUSED = 3,
};

/* Names one connection: the client's port and its initial number tell connections apart. */
static CALLED __u64 connection(const struct packet *packet, __u8 role, __u32 number)
{
	__u64 hash = settings.seed;
	__u64 ports = (__u64)local_port_of(packet) << 48 | (__u64)peer_port_of(packet) << 32 | number;
	hash = mix(hash, (__u64)packet->scope << 32 | role << 8 | packet->protocol);
	hash = mix_address(hash, local_of(packet));
	hash = mix_address(hash, peer_of(packet));
	return mix(hash, ports);
}

/* Names one step of it; never 0, as an empty slot is. */
static __always_inline __u64 signature(__u64 connection, __u8 step)
{
	return mix(connection, step) | 1;
}

static __always_inline struct recent_pair *recent_place(__u64 signature)
{
	__u32 index = (signature >> 32) & settings.recent_mask;
	return bpf_map_lookup_elem(&recent, &index);
}

static __always_inline bool seen_before(__u64 signature)
{
	struct recent_pair *place = recent_place(signature);
	return place && (place->newer == signature || place->older == signature);
}

static __always_inline bool first_time(__u64 signature)
{
	struct recent_pair *place = recent_place(signature);
	if (!place)
		return true;
	if (place->newer == signature || place->older == signature)
		return false;
	place->older = place->newer;
	place->newer = signature;
	return true;
}

static __always_inline void make_key(struct neighbor_key *key, const struct packet *packet, __u8 role, __u16 port)
{
	key->scope = packet->scope;
	key->port = port;
	key->protocol = packet->protocol;
	key->role = role;
	key->local = *local_of(packet);
	key->peer = *peer_of(packet);
}

static CALLED struct neighbor *find_or_add(const struct neighbor_key *key, __u32 interface, __u64 now)
{
	struct neighbor *neighbor = bpf_map_lookup_elem(&neighbors, key);
	if (neighbor)
		return neighbor;
	struct neighbor fresh = {.first = now, .last = now, .interface = interface};
	bpf_map_update_elem(&neighbors, key, &fresh, BPF_NOEXIST);
	neighbor = bpf_map_lookup_elem(&neighbors, key);
	if (!neighbor)
		count(COUNT_OVERFLOW);
	return neighbor;
}

/* Someone asks for a connection. `number` is what a retransmission repeats. */
static CALLED void attempt(struct __sk_buff *skb, const struct packet *packet, __u32 number)
{
	__u8 role = packet->outgoing ? ROLE_OUT : ROLE_IN;
	if (!first_time(signature(connection(packet, role, number), STEP_ASKED)))
		return;
	struct neighbor_key key = {};
	make_key(&key, packet, role, packet->destination_port);
	__u64 now = bpf_ktime_get_ns();
	struct neighbor *neighbor = find_or_add(&key, skb->ifindex, now);
	if (!neighbor)
		return;
	__sync_fetch_and_add(&neighbor->attempts, 1);
	neighbor->last = now;
}

/* The server's answer to attempt `number`: yes or no. An answer to nothing makes no neighbor. */
static CALLED void settle(const struct packet *packet, __u8 role, __u16 port, __u32 number, __u8 step)
{
	__u64 name = connection(packet, role, number);
	bool asked = seen_before(signature(name, STEP_ASKED));
	if (step == STEP_REFUSED && seen_before(signature(name, STEP_ANSWERED)))
		return; /* SCTP's ABORT of a living association bears the same tag */
	if (!first_time(signature(name, step)))
		return;
	struct neighbor_key key = {};
	make_key(&key, packet, role, port);
	struct neighbor *neighbor = bpf_map_lookup_elem(&neighbors, &key);
	if (!neighbor || (!asked && neighbor->attempts <= neighbor->answered + neighbor->refused)) {
		count(COUNT_UNSOLICITED);
		return;
	}
	__sync_fetch_and_add(step == STEP_ANSWERED ? &neighbor->answered : &neighbor->refused, 1);
	neighbor->last = bpf_ktime_get_ns();
}

static __always_inline void answer_by_server(const struct packet *packet, __u32 number, __u8 step)
{
	settle(packet, packet->outgoing ? ROLE_IN : ROLE_OUT, packet->source_port, number, step);
}

/* RFC 9293, 3.5 and 3.10.7.1: a SYN asks, a SYN with ACK answers ISN + 1, and a closed port answers
 * <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; a reset of a living connection bears its sequence number. */
static CALLED void observe_tcp(struct __sk_buff *skb, struct packet *packet, struct answer *answer)
{
	struct {
		__be16 source, destination;
		__be32 sequence, acknowledged;
		__u8 offset, flags;
		__be16 window;
	} tcp;
	if (!load(skb, packet->transport, &tcp, sizeof(tcp))) {
		count(COUNT_SHORT);
		return;
	}
	packet->source_port = bpf_ntohs(tcp.source);
	packet->destination_port = bpf_ntohs(tcp.destination);
	__u8 flags = tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST);
	if (flags == TCP_SYN)
		attempt(skb, packet, bpf_ntohl(tcp.sequence));
	else if (flags == (TCP_SYN | TCP_ACK))
		answer_by_server(packet, bpf_ntohl(tcp.acknowledged) - 1, STEP_ANSWERED);
	else if (flags == (TCP_RST | TCP_ACK) && tcp.sequence == 0)
		answer_by_server(packet, bpf_ntohl(tcp.acknowledged) - 1, STEP_REFUSED);
	else if (!packet->outgoing && packet->source_port == DNS_PORT) {
		__u32 start = packet->transport + (tcp.offset >> 4) * 4;
		struct neighbor_key key = {};
		make_key(&key, packet, ROLE_OUT, DNS_PORT);
		if (start >= packet->end || !bpf_map_lookup_elem(&neighbors, &key))
			return;
		answer->offset = start;
		answer->length = packet->end - start;
		answer->position = bpf_ntohl(tcp.sequence);
	}
}

static __always_inline void make_flow_key(struct udp_flow_key *key, const struct packet *packet)
{
	key->scope = packet->scope;
	key->local_port = local_port_of(packet);
	key->peer_port = peer_port_of(packet);
	key->local = *local_of(packet);
	key->peer = *peer_of(packet);
}

static __always_inline bool is_neighbor(const struct packet *packet, __u8 role, __u16 port)
{
	struct neighbor_key key = {};
	make_key(&key, packet, role, port);
	return bpf_map_lookup_elem(&neighbors, &key) != NULL;
}

/* Who began a flow whose first packet this seems to be. The first speaker, unless the flow may be older than our memory
 * of it: then sockets bound before the capture, and neighbors known already, say who serves. */
static CALLED bool is_reply(const struct packet *packet)
{
	__u16 local = local_port_of(packet), peer = peer_port_of(packet);
	struct bound_key key = {.scope = packet->scope, .port = local};
	__u32 *bound = bpf_map_lookup_elem(&bound_ports, &key);
	if (packet->outgoing)
		return peer >= EPHEMERAL && local < EPHEMERAL &&
		       ((bound && *bound == BOUND_SERVER) || is_neighbor(packet, ROLE_IN, local));
	return local >= EPHEMERAL && peer < EPHEMERAL &&
	       ((bound && *bound == BOUND_CLIENT) || is_neighbor(packet, ROLE_OUT, peer));
}

static CALLED void begin_udp(struct __sk_buff *skb, const struct packet *packet, const struct udp_flow_key *flow_key,
			     __u64 now)
{
	bool reply = is_reply(packet);
	struct udp_flow flow = {.seen = now, .answered = reply, .guessed = reply};
	flow.role = packet->outgoing == reply ? ROLE_IN : ROLE_OUT;
	flow.port = reply ? packet->source_port : packet->destination_port;
	bpf_map_update_elem(&udp_flows, flow_key, &flow, BPF_ANY);
	struct neighbor_key key = {};
	make_key(&key, packet, flow.role, flow.port);
	struct neighbor *neighbor = find_or_add(&key, skb->ifindex, now);
	if (!neighbor)
		return;
	__sync_fetch_and_add(&neighbor->attempts, 1);
	if (reply)
		__sync_fetch_and_add(&neighbor->answered, 1);
	neighbor->last = now;
}

static CALLED void go_on_udp(const struct packet *packet, struct udp_flow *flow, __u64 now)
{
	bool by_client = packet->outgoing == (flow->role == ROLE_OUT);
	bool again = by_client && now > flow->seen + UDP_IDLE;
	bool answers = !by_client && !flow->answered;
	if (!again && !answers && now < flow->seen + UDP_REFRESH)
		return;
	flow->seen = now;
	struct neighbor_key key = {};
	make_key(&key, packet, flow->role, flow->port);
	struct neighbor *neighbor = bpf_map_lookup_elem(&neighbors, &key);
	if (!neighbor)
		return;
	neighbor->last = now;
	if (answers) {
		flow->answered = 1;
		__sync_fetch_and_add(&neighbor->answered, 1);
	} else if (again) {
		flow->answered = flow->refused = 0;
		__sync_fetch_and_add(&neighbor->attempts, 1);
	}
}

static CALLED void observe_udp(struct __sk_buff *skb, const struct packet *packet, struct answer *answer)
{
	struct udp_flow_key key = {};
	make_flow_key(&key, packet);
	__u64 now = bpf_ktime_get_ns();
	struct udp_flow *flow = bpf_map_lookup_elem(&udp_flows, &key);
	if (!flow) {
		begin_udp(skb, packet, &key, now);
		return;
	}
	go_on_udp(packet, flow, now);
	__u32 start = packet->transport + 8;
	if (packet->outgoing) {
		flow->guessed = 0;
		return;
	}
	if (packet->source_port != DNS_PORT || flow->role != ROLE_OUT || flow->guessed || start >= packet->end)
		return;
	answer->offset = start;
	answer->length = packet->end - start;
}

/* RFC 9260, 3.3: the first chunk tells; INIT ACK and ABORT bear the INIT's tag as their verification tag. */
static CALLED void observe_sctp(struct __sk_buff *skb, const struct packet *packet)
{
	struct {
		__be16 source, destination;
		__be32 tag, checksum;
		__u8 type, flags;
		__be16 length;
		__be32 initiate_tag;
	} sctp;
	if (!load(skb, packet->transport, &sctp, sizeof(sctp))) {
		if (!load(skb, packet->transport, &sctp, sizeof(sctp) - sizeof(sctp.initiate_tag))) {
			count(COUNT_SHORT);
			return;
		}
		sctp.initiate_tag = 0;
	}
	if (sctp.type == SCTP_INIT)
		attempt(skb, packet, bpf_ntohl(sctp.initiate_tag));
	else if (sctp.type == SCTP_INIT_ACK)
		answer_by_server(packet, bpf_ntohl(sctp.tag), STEP_ANSWERED);
	else if (sctp.type == SCTP_ABORT)
		answer_by_server(packet, bpf_ntohl(sctp.tag), STEP_REFUSED);
}

static __always_inline void set_ipv4(struct address *address, __be32 ipv4)
{
	__builtin_memset(address->bytes, 0, 10);
	address->bytes[10] = 0xFF;
	address->bytes[11] = 0xFF;
	__builtin_memcpy(address->bytes + 12, &ipv4, 4);
}

struct ipv4_header {
	__u8 version_length, service;
	__be16 length, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 source, destination;
};

struct ipv6_header {
	__be32 flow;
	__be16 length;
	__u8 next, hops;
	struct address source, destination;
};

/* Fills what the IPv4 header at `at` says; false when it is cut off. A later fragment has protocol 0. */
static CALLED bool parse_ipv4(struct __sk_buff *skb, __u32 at, struct packet *packet)
{
	struct ipv4_header ip;
	if (!load(skb, at, &ip, sizeof(ip)) || ip.version_length >> 4 != 4 || (ip.version_length & 15) < 5)
		return false;
	set_ipv4(&packet->source, ip.source);
	set_ipv4(&packet->destination, ip.destination);
	packet->protocol = ip.fragment & bpf_htons(0x1FFF) ? 0 : ip.protocol;
	packet->transport = at + (ip.version_length & 15) * 4;
	packet->end = at + bpf_ntohs(ip.length);
	return true;
}

static __always_inline bool is_extension(__u8 header)
{
	return header == 0 || header == 43 || header == 44 || header == 51 || header == 60;
}

/* RFC 8200, 4: walks the extension headers. A later fragment has protocol 0 (which would be hop-by-hop). */
static CALLED bool parse_ipv6(struct __sk_buff *skb, __u32 at, struct packet *packet)
{
	struct ipv6_header ip;
	if (!load(skb, at, &ip, sizeof(ip)) || (bpf_ntohl(ip.flow) >> 28) != 6)
		return false;
	packet->source = ip.source;
	packet->destination = ip.destination;
	packet->end = at + sizeof(ip) + bpf_ntohs(ip.length);
	__u8 next = ip.next;
	__u32 offset = at + sizeof(ip);
#pragma unroll
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		struct {
			__u8 next, length;
			__be16 fragment;
		} extension;
		if (!is_extension(next))
			break;
		if (!load(skb, offset, &extension, sizeof(extension)))
			return false;
		if (next == 44 && extension.fragment & bpf_htons(0xFFF8)) {
			packet->protocol = 0;
			return true;
		}
		offset += next == 44 ? 8 : next == 51 ? (extension.length + 2) * 4 : (extension.length + 1) * 8;
		next = extension.next;
	}
	packet->protocol = next;
	packet->transport = offset;
	return !is_extension(next);
}

static __always_inline bool load_ports(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ports[2];
	if (!load(skb, packet->transport, ports, sizeof(ports)))
		return false;
	packet->source_port = bpf_ntohs(ports[0]);
	packet->destination_port = bpf_ntohs(ports[1]);
	return true;
}

/* The packet that an ICMP error speaks of went the other way, and was an attempt: it was refused. */
static CALLED void observe_unreachable(struct __sk_buff *skb, const struct packet *error, bool ipv6)
{
	struct packet packet = {.outgoing = !error->outgoing, .scope = error->scope};
	__u32 inner = error->transport + 8;
	if (!(ipv6 ? parse_ipv6(skb, inner, &packet) : parse_ipv4(skb, inner, &packet)) || !load_ports(skb, &packet)) {
		count(COUNT_SHORT);
		return;
	}
	__u8 role = packet.outgoing ? ROLE_OUT : ROLE_IN;
	if (packet.protocol == PROTO_UDP) {
		struct udp_flow_key key = {};
		make_flow_key(&key, &packet);
		struct udp_flow *flow = bpf_map_lookup_elem(&udp_flows, &key);
		if (!flow || flow->role != role || flow->refused)
			return;
		struct neighbor_key neighbor_key = {};
		make_key(&neighbor_key, &packet, flow->role, flow->port);
		struct neighbor *neighbor = bpf_map_lookup_elem(&neighbors, &neighbor_key);
		flow->refused = 1;
		if (neighbor)
			__sync_fetch_and_add(&neighbor->refused, 1);
	} else if (packet.protocol == PROTO_TCP || packet.protocol == PROTO_SCTP) {
		__be32 number = 0;
		bool tcp = packet.protocol == PROTO_TCP;
		if (load(skb, packet.transport + (tcp ? 4 : 16), &number, sizeof(number)))
			settle(&packet, role, packet.destination_port, bpf_ntohl(number), STEP_REFUSED);
	}
}

/* ICMP is counted for the account: a NetworkPolicy cannot name it. */
static CALLED void observe_icmp(struct __sk_buff *skb, struct packet *packet, bool ipv6)
{
	struct {
		__u8 type, code;
		__be16 checksum, id, sequence;
	} icmp;
	if (!load(skb, packet->transport, &icmp, sizeof(icmp))) {
		count(COUNT_SHORT);
		return;
	}
	bool request = icmp.type == (ipv6 ? 128 : 8), reply = icmp.type == (ipv6 ? 129 : 0);
	__u32 number = (__u32)icmp.id << 16 | icmp.sequence;
	packet->source_port = packet->destination_port = 0;
	if (icmp.type == (ipv6 ? 1 : 3) && (ipv6 || icmp.code != 4))
		observe_unreachable(skb, packet, ipv6);
	else if (request)
		attempt(skb, packet, number);
	else if (reply)
		answer_by_server(packet, number, STEP_ANSWERED);
	else
		count(COUNT_ICMP);
}

static __always_inline bool is_to_many(struct __sk_buff *skb, const struct packet *packet, bool ipv6)
{
	const __u8 *to = packet->destination.bytes;
	bool everyone = !ipv6 && to[12] == 255 && to[13] == 255 && to[14] == 255 && to[15] == 255;
	if (everyone || skb->pkt_type == PACKET_BROADCAST) {
		count(COUNT_BROADCAST);
		return true;
	}
	if (ipv6 ? to[0] == 0xFF : (to[12] & 0xF0) == 0xE0) {
		count(COUNT_MULTICAST);
		return true;
	}
	return false;
}

static __always_inline void observe_transport(struct __sk_buff *skb, struct packet *packet, bool ipv6,
					      struct answer *answer)
{
	switch (packet->protocol) {
	case 0:
		count(COUNT_FRAGMENTS);
		return;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		observe_icmp(skb, packet, ipv6);
		return;
	case PROTO_TCP:
	case PROTO_UDP:
	case PROTO_SCTP:
		break;
	default:
		count(COUNT_OTHER);
		return;
	}
	if (packet->protocol == PROTO_TCP)
		observe_tcp(skb, packet, answer);
	else if (!load_ports(skb, packet))
		count(COUNT_SHORT);
	else if (packet->protocol == PROTO_UDP)
		observe_udp(skb, packet, answer);
	else
		observe_sctp(skb, packet);
	if (answer->length) {
		answer->scope = packet->scope;
		answer->protocol = packet->protocol;
		answer->local_port = packet->destination_port;
		answer->local = packet->destination;
		answer->peer = packet->source;
	}
}

/* The type behind up to two tags, and where that begins. Tags stand behind the Ethernet header; the network header
 * points at the first of them, or behind them all where a packet socket sends. */
static CALLED __u16 skip_tags(struct __sk_buff *skb, __u16 type, __u32 *at)
{
	__u32 first = 0, start = 0, depth = 0;
#pragma unroll
	for (int tags = 0; tags < 2; tags++) {
		__be16 tag[2];
		if (type != ETH_VLAN && type != ETH_QINQ)
			break;
		if (bpf_skb_load_bytes_relative(skb, ETH_HEADER + depth, tag, sizeof(tag), BPF_HDR_START_MAC))
			return 0;
		type = bpf_ntohs(tag[1]);
		depth += sizeof(tag);
	}
	if (bpf_skb_load_bytes_relative(skb, ETH_HEADER, &first, sizeof(first), BPF_HDR_START_MAC) ||
	    !load(skb, 0, &start, sizeof(start)))
		return 0;
	*at = first == start ? depth : 0;
	return type;
}

/* Looks at one packet; says where its DNS answer lies, if it bears one. */
static __always_inline void observe(struct __sk_buff *skb, bool outgoing, struct answer *answer)
{
	__u32 zero = 0, at = 0;
	__u32 *scope = bpf_map_lookup_elem(&scopes, &zero);
	struct packet packet = {.outgoing = outgoing, .scope = scope ? *scope : 0};
	__u16 type = bpf_ntohs(skb->protocol);
	if (!outgoing && skb->pkt_type == PACKET_OTHERHOST)
		return;
	if (type == ETH_VLAN || type == ETH_QINQ)
		type = skip_tags(skb, type, &at);
	bool ipv6 = type == ETH_IPV6;
	if (!ipv6 && type != ETH_IPV4)
		return;
	if (!(ipv6 ? parse_ipv6(skb, at, &packet) : parse_ipv4(skb, at, &packet)))
		count(COUNT_SHORT);
	else if (!is_to_many(skb, &packet, ipv6))
		observe_transport(skb, &packet, ipv6, answer);
}

struct delivery {
	struct __sk_buff *skb;
	const struct answer *answer;
};

/* One piece; 1 ends the loop. */
static long deliver_chunk(__u32 index, struct delivery *delivery)
{
	const struct answer *answer = delivery->answer;
	__u32 done = index * DNS_CHUNK;
	if (done >= answer->length)
		return 1;
	struct dns_chunk *chunk = bpf_ringbuf_reserve(&answers, sizeof(*chunk), 0);
	if (!chunk) {
		count(COUNT_DNS_LOST);
		return 1;
	}
	__u64 length = answer->length - done;
	if (length > DNS_CHUNK)
		length = DNS_CHUNK;
	chunk->scope = answer->scope;
	chunk->local_port = answer->local_port;
	chunk->protocol = answer->protocol;
	chunk->local = answer->local;
	chunk->peer = answer->peer;
	chunk->position = answer->position + done;
	chunk->length = length;
	chunk->last = done + length == answer->length;
	asm volatile("" : "+r"(length)); /* or the compiler drops the bounds that the verifier wants to see */
	if (length < 1 || length > DNS_CHUNK || !load(delivery->skb, answer->offset + done, chunk->data, length)) {
		bpf_ringbuf_discard(chunk, 0);
		return 1;
	}
	bpf_ringbuf_submit(chunk, 0);
	return 0;
}

/* Nearly every packet is TCP in the middle of a connection, and says nothing new: out with it, by direct access, before
 * anything costs. Whatever is not plain (options, extension headers, tags, no Ethernet) is looked at by observe(). */
static __always_inline bool is_mid_connection(struct __sk_buff *skb, bool outgoing)
{
	const __u8 *start = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const __u8 *tcp;
	if (start + ETH_HEADER + sizeof(struct ipv6_header) + 20 <= end && skb->protocol == bpf_htons(ETH_IPV6) &&
	    start[12] == 0x86 && start[13] == 0xDD && start[ETH_HEADER + 6] == PROTO_TCP)
		tcp = start + ETH_HEADER + sizeof(struct ipv6_header);
	else if (start + ETH_HEADER + sizeof(struct ipv4_header) + 20 <= end && skb->protocol == bpf_htons(ETH_IPV4) &&
		 start[12] == 0x08 && start[13] == 0x00 && start[ETH_HEADER] == 0x45 &&
		 !(start[ETH_HEADER + 6] & 0x1F) && !start[ETH_HEADER + 7] && start[ETH_HEADER + 9] == PROTO_TCP)
		tcp = start + ETH_HEADER + sizeof(struct ipv4_header);
	else
		return false;
	bool from_dns = tcp[0] == 0 && tcp[1] == DNS_PORT;
	return !(tcp[13] & (TCP_SYN | TCP_RST)) && (outgoing || !from_dns);
}

SEC("tc")
int tcx_ingress(struct __sk_buff *skb)
{
	struct answer answer = {};
	if (is_mid_connection(skb, false))
		return TCX_NEXT;
	observe(skb, false, &answer);
	struct delivery delivery = {.skb = skb, .answer = &answer};
	__u8 final;
	if (answer.length && !load(skb, answer.offset + answer.length - 1, &final, sizeof(final)))
		count(COUNT_SHORT); /* the packet says that it is longer than it is */
	else if (answer.length)
		bpf_loop(MAX_CHUNKS, deliver_chunk, &delivery, 0);
	return TCX_NEXT;
}

SEC("tc")
int tcx_egress(struct __sk_buff *skb)
{
	struct answer answer = {};
	if (!is_mid_connection(skb, true))
		observe(skb, true, &answer);
	return TCX_NEXT;
}

/* Returns how much of the packet the socket may read: nothing, but for DNS answers. The packet itself goes its way. */
SEC("socket")
int socket_filter(struct __sk_buff *skb)
{
	struct answer answer = {};
	observe(skb, skb->pkt_type == PACKET_OUTGOING, &answer);
	return answer.length ? 0xFFFF : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
