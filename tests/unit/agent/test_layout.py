"""Python and C read the same bytes: those of layout.hex."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kubectl_netpol.agent import layout

HERE = Path(__file__).parent
BPF = Path(layout.__file__).parents[1] / "bpf"


def read_fixture() -> dict[str, bytes]:
    blocks: dict[str, bytes] = {}
    name = ""
    for line in (HERE / "layout.hex").read_text("ascii").splitlines():
        content = line.split("#")[0].strip()
        if re.fullmatch(r"[0-9a-f]{2}( [0-9a-f]{2})*", content):
            blocks[name] += bytes.fromhex(content)
        elif content:
            name = content
            blocks[name] = b""
    return blocks


FIXTURE = read_fixture()
LOCAL, PEER, PEER6 = "10.1.0.2", "10.1.0.9", "fd00::9"

PROGRAM = r"""
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include "neighbors.h"

static void print(const char *name, const void *from, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", ((const unsigned char *)from)[i]);
    printf("\n");
}

static const struct address local = {.bytes = {[10] = 0xff, 0xff, 10, 1, 0, 2}};
static const struct address peer = {.bytes = {[10] = 0xff, 0xff, 10, 1, 0, 9}};
static const struct address peer6 = {.bytes = {0xfd, [15] = 9}};

int main(void)
{
    struct neighbor_key key = {.scope = 7, .port = 8080, .protocol = 6, .role = ROLE_OUT, .local = local,
                               .peer = peer6};
    struct neighbor neighbor = {.attempts = 3, .answered = 2, .refused = 1, .first = 0x0102030405060708,
                    .last = 0x1112131415161718, .interface = 4};
    struct bound_key bound = {.scope = 7, .port = 53};
    struct settings settings = {.seed = 0x0123456789abcdef, .recent_mask = 65535};
    struct dns_chunk chunk = {.scope = 7, .local_port = 40000, .protocol = 17, .last = 1, .local = local, .peer = peer,
                  .position = 1024, .length = 3, .data = "abc"};
    print("neighbor_key", &key, sizeof(key));
    print("neighbor", &neighbor, sizeof(neighbor));
    print("bound_key", &bound, sizeof(bound));
    print("settings", &settings, sizeof(settings));
    print("dns_chunk", &chunk, sizeof(chunk));
    const char *counts[] = {[COUNT_OVERFLOW] = "overflow", [COUNT_FRAGMENTS] = "fragments",
        [COUNT_MULTICAST] = "multicast", [COUNT_BROADCAST] = "broadcast", [COUNT_ICMP] = "icmp",
        [COUNT_OTHER] = "other", [COUNT_SHORT] = "short", [COUNT_UNSOLICITED] = "unsolicited",
        [COUNT_DNS_LOST] = "dns_lost", [COUNTS] = "end"};
    printf("counts");
    for (int i = 0; i < COUNTS; i++)
        printf(" %s", counts[i]);
    printf("\nnumbers %d %d %d %d %d %d %d %d\n", ROLE_IN, ROLE_OUT, BOUND_SERVER, BOUND_CLIENT, ENTRY_TCX_INGRESS,
           ENTRY_TCX_EGRESS, DNS_CHUNK, (int)sizeof(struct udp_flow_key));
    return 0;
}
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a C program that includes neighbors.h prints, by each line's first word."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler: the C side of the layout is not tested")
    folder = tmp_path_factory.mktemp("layout")
    (folder / "layout.c").write_text(PROGRAM)
    program = folder / "layout"
    subprocess.run([compiler, "-Wall", "-Werror", f"-I{BPF}", folder / "layout.c", "-o", program], check=True)
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.mark.parametrize("name", FIXTURE)
def test_c_writes_the_fixtures_bytes(printed, name):
    written, expected = bytes.fromhex(printed[name]), FIXTURE[name]
    if name == "dns_chunk":
        expected += bytes(int(printed["numbers"].split()[6]) - 3)
    assert written == expected


def test_c_has_the_same_constants(printed):
    assert tuple(printed["counts"].split()) == layout.COUNTS
    assert printed["numbers"].split()[:6] == [
        str(layout.ROLES.index("in")),
        str(layout.ROLES.index("out")),
        str(layout.BOUND_SERVER),
        str(layout.BOUND_CLIENT),
        str(layout.ENTRY_TCX_INGRESS),
        str(layout.ENTRY_TCX_EGRESS),
    ]


def test_python_reads_the_fixtures_key():
    key = layout.parse_key(FIXTURE["neighbor_key"])
    assert key[:4] == (7, 8080, 6, layout.ROLES.index("out"))
    assert (layout.address_text(key.local), layout.address_text(key.peer)) == (LOCAL, PEER6)
    assert layout.pack_key(key) == FIXTURE["neighbor_key"]
    assert layout.flow_text(key) == f"out tcp {LOCAL} {PEER6} 8080"


def test_python_reads_the_fixtures_counters():
    assert layout.parse_value(FIXTURE["neighbor"]) == (3, 2, 1, 0x0102030405060708, 0x1112131415161718, 4, 0)


def test_python_writes_the_fixtures_settings_and_ports():
    assert layout.SETTINGS.pack(0x0123456789ABCDEF, 65535, 0) == FIXTURE["settings"]
    assert layout.BOUND_KEY.pack(7, 53) == FIXTURE["bound_key"]


def test_python_reads_the_fixtures_piece_of_an_answer():
    raw = FIXTURE["dns_chunk"]
    scope, port, protocol, last, local, peer, position, length = layout.CHUNK.unpack_from(raw)
    assert (scope, port, protocol, last, position, length) == (7, 40000, 17, 1, 1024, 3)
    assert (layout.address_text(local), layout.address_text(peer)) == (LOCAL, PEER)
    assert raw[layout.CHUNK.size :] == b"abc"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("0" * 32, "::"),
        ("0" * 31 + "1", "::1"),
        ("fd000000000000000000000000000009", "fd00::9"),
        ("20010db8000000010000000000000001", "2001:db8:0:1::1"),
        ("00000000000000000000ffffffffffff", "255.255.255.255"),
        ("000000000000000000000000010203" + "04", "::102:304"),
    ],
)
def test_addresses_are_canonical_text(raw, text):
    assert layout.address_text(bytes.fromhex(raw)) == text
