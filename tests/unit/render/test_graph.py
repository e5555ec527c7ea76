"""A map as text: escaped, well-formed, the same each time."""

import json
import re
from xml.etree import ElementTree

import pytest

from kubectl_netpol.graph.lines import bundles, lines
from kubectl_netpol.graph.values import Graph, State
from kubectl_netpol.render.graph_dot import to_dot
from kubectl_netpol.render.graph_layout import lay_out, layered
from kubectl_netpol.render.graph_mermaid import to_mermaid
from kubectl_netpol.render.graph_page import to_page
from kubectl_netpol.render.graph_svg import to_svg
from tests import maps

SVG = "{http://www.w3.org/2000/svg}"


def data_of(page):
    return re.search(r'<script type="application/json" id="data">([^<]*)</script>', page).group(1)


def test_no_name_can_end_the_pages_data():
    page = to_page(maps.hostile().graph(), maps.HOSTILE[0])
    assert page.count("</script>") == 3
    assert json.loads(data_of(page))["title"] == maps.HOSTILE[0]
    names = {place["name"] for place in json.loads(data_of(page))["places"]}
    assert set(maps.HOSTILE[:5]) <= names
    assert data_of(page).isascii()
    assert data_of(page).isprintable()


def test_the_page_allows_its_own_scripts_and_nothing_from_elsewhere():
    page = to_page(maps.shop().graph(), "shop")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r'(src|href)="', page)
    assert "http://www.w3.org/2000/svg" in page
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "Chris Pettitt" in page, "dagre's licence goes where dagre goes"


def test_the_picture_is_xml_whatever_the_names_are():
    root = ElementTree.fromstring(to_svg(maps.judged(maps.hostile().graph()), maps.HOSTILE[0]))
    assert {child.tag.removeprefix(SVG) for child in root.iter()} <= {
        *("svg", "title", "style", "defs", "marker", "path", "rect", "g", "text")
    }
    assert maps.HOSTILE[0] in root.find(f"{SVG}title").text


@pytest.mark.parametrize(
    "draw", [to_dot, to_mermaid, lambda graph: to_svg(graph, "x"), lambda graph: to_page(graph, "x")]
)
def test_the_same_map_gives_the_same_bytes_and_an_empty_one_is_no_error(draw):
    assert draw(maps.shop().graph()) == draw(maps.shop().graph())
    assert draw(Graph())


def test_denied_and_isolated_are_told_in_each_text():
    graph = maps.judged(maps.shop().graph())
    assert "style=dotted" in to_dot(graph)
    assert "isolated: ingress" in to_dot(graph)
    assert '--x|"TCP/9090"|' in to_mermaid(graph)
    assert ":::isolated" in to_mermaid(graph)
    assert "would be denied" in to_svg(graph, "x")
    assert "would be denied" not in to_svg(maps.shop().graph(), "x")


def test_traffic_between_two_groups_is_as_bad_as_the_worst_of_it():
    traffic = maps.Traffic()
    client, server = maps.workload("edge/gateway"), maps.workload("shop/api")
    traffic.add(client, server, 80)
    traffic.add(client, server, 81)
    for port, answered, worst in ((82, 0, State.UNANSWERED), (9090, 10, State.DENIED)):
        traffic.add(client, server, port, 10, answered)
        graph = maps.judged(traffic.graph())
        (bundle,) = bundles(graph, lines(graph))
        assert bundle.state == next(iter(bundle.edges)) == worst
    assert bundle.edges == {State.DENIED: 1, State.UNANSWERED: 1, State.ANSWERED: 2}
    graph = maps.judged(maps.shop().graph())
    assert bundles(graph, lines(graph))[-1].state == State.DENIED, "the worst is drawn above the others"


def test_layers_lead_to_the_right_and_cycles_are_cut():
    assert layered("abcd", [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]) == [["a"], ["b"], ["c"], ["d"]]
    found = layered("abc", [("a", "b"), ("b", "c"), ("c", "a")])
    assert sorted(one for layer in found for one in layer) == ["a", "b", "c"]
    assert layered("ab", [("a", "b"), ("b", "a")]) == [["a"], ["b"]]
    assert layered("", []) == []


@pytest.mark.parametrize("traffic", [maps.shop, maps.cluster])
def test_no_place_of_the_picture_covers_another_and_none_leaves_its_group(traffic):
    graph = traffic().graph()
    layout = lay_out(graph, {place.key: 120.0 for place in graph.places})
    boxes = list(layout.places.values())
    for some in (boxes, list(layout.groups.values())):
        for number, one in enumerate(some):
            assert not any(overlap(one, other) for other in some[number + 1 :])
    for place in graph.places:
        box, around = layout.places[place.key], layout.groups[place.group]
        assert around.x <= box.x
        assert box.x + box.width <= around.x + around.width
        assert around.y < box.y
        assert box.y + box.height <= around.y + around.height <= layout.height + 0.1


def overlap(one, other):
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height
