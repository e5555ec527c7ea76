"""The page of ``kubectl netpol graph -o html`` in a real browser."""

import re
from dataclasses import replace

import pytest

from kubectl_netpol.graph.values import Graph
from kubectl_netpol.render.graph_svg import to_svg
from tests import maps

pytestmark = pytest.mark.browser


def place(page, name):
    return page.locator(f'g.place[aria-label^="{name}, "]')


def places(page):
    return page.locator("g.place")


def test_it_opens_from_disk_and_asks_for_nothing_else(open_map):
    page = open_map(maps.shop().graph())
    assert places(page).count() == 13
    assert page.locator("#about").inner_text() == "all namespaces: 13 of 13 places, 16 of 16 edges"
    assert page.locator("g.area").count() == 7


def test_hostile_names_are_text_and_nothing_but_text(open_map):
    page = open_map(maps.hostile().graph(), title="</title><script>window.pwned=1</script>")
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, iframe, main style, main script, aside script").count() == 0
    assert page.evaluate("document.scripts.length") == 3
    shown = page.locator("g.place title").all_text_contents()
    for text in maps.HOSTILE[:5]:
        assert any(text in title for title in shown)
    assert any(r"\u202ereversed\x1b[31m\x00" in title for title in shown)
    for number in range(places(page).count()):
        places(page).nth(number).dispatch_event("click")
        assert page.evaluate("window.pwned") is None
    assert page.locator("#details img, #details script").count() == 0


def test_a_script_that_somebody_brings_in_is_not_run(open_map):
    page = open_map(maps.shop().graph())
    page.evaluate(
        """() => {
        const script = document.createElement("script");
        script.textContent = "window.pwned = 1";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src=data:, onerror='window.pwned = 1'>");
        document.body.lastChild.dispatchEvent(new Event("error"));
    }"""
    )
    assert page.evaluate("window.pwned") is None
    assert page.trouble
    assert all("Content Security Policy" in text or text == "data:," for text in page.trouble)
    page.trouble.clear()


def test_a_search_leads_to_a_workload_and_its_details(open_map):
    page = open_map(maps.cluster().graph())
    page.keyboard.press("/")
    page.keyboard.type("payments db")
    assert page.locator("#results li").first.inner_text() == "db\nstatefulset, payments"
    page.keyboard.press("Enter")
    details = page.locator("#details")
    assert details.locator("h2").inner_text() == "db"
    assert "payments" in details.locator(".where").inner_text()
    asked = details.locator("section", has_text="Is asked by").locator("td:first-child b")
    assert sorted(asked.all_inner_texts()) == ["api", "indexer", "prometheus", "report", "sync", "worker"]
    assert page.locator("g.place.chosen").count() == 1


@pytest.mark.parametrize(
    ("words", "found"), [("142.250", "api.github.com"), ("udp/8125", "statsd"), ("app=legacy", "legacy")]
)
def test_addresses_ports_and_labels_are_searched_as_well(open_map, words, found):
    page = open_map(maps.shop().graph())
    page.locator("#query").fill(words)
    assert found in page.locator("#results li b").all_inner_texts()


def test_a_namespace_can_be_hidden_and_comes_back_when_it_is_asked_for(open_map):
    page = open_map(maps.shop().graph())
    page.get_by_label("shop", exact=False).first.uncheck()
    assert place(page, "deployment/web").count() == 0
    assert places(page).count() == 7
    page.locator("#query").fill("web")
    page.keyboard.press("Enter")
    assert place(page, "deployment/web").count() == 1


def test_traffic_and_ports_can_be_left_out(open_map):
    page = open_map(maps.shop().graph())
    page.locator("#state-answered").uncheck()
    assert page.locator("#about").inner_text().endswith("2 of 16 edges")
    page.locator("#state-answered").check()
    page.locator("#portbox summary").click()
    page.locator("#port-UDP-53").uncheck()
    assert page.locator("#about").inner_text().endswith("12 of 16 edges")
    page.locator("#none").click()
    assert page.locator("#empty").is_visible()


def test_of_a_workload_on_which_each_port_was_tried_some_are_listed_and_all_are_found(open_map):
    traffic = maps.shop()
    scanner, web = maps.workload("shop/scanner"), maps.workload("shop/web")
    for port in range(10_001, 12_001):
        traffic.add(scanner, web, port, answered=0)
    page = open_map(traffic.graph())
    page.locator("#portbox summary").click()
    assert page.locator("#ports input").count() == 300
    assert page.locator("#ports").inner_text().rstrip().endswith(" more, which the search finds")
    page.locator("#query").fill("11987")
    assert page.locator("#results [role=option]").count() == 2
    place(page, "deployment/scanner").click()
    assert page.locator("#details tr").count() == 300
    assert "1700 more, which are not listed" in page.locator("#details").inner_text()


def test_a_time_that_is_none_is_unknown(open_map):
    traffic = maps.shop()
    rows = traffic.rows[maps.workload("shop/legacy")]
    for key, counts in rows.items():
        rows[key] = replace(counts, first=0, last=(1 << 63) - 1)
    page = open_map(traffic.graph())
    place(page, "deployment/legacy").click()
    page.locator("#details button.port").click()
    assert page.locator("#details section", has_text="As the client saw it").inner_text().count("unknown") == 2


def test_everything_can_be_done_by_keyboard(open_map):
    page = open_map(maps.shop().graph())
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"
    place(page, "deployment/gateway").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) != "deployment/gateway, edge, asks 2, asked by 0"
    place(page, "deployment/api").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "Details"
    assert page.locator("#details h2").inner_text() == "api"
    page.keyboard.press("Escape")
    assert page.locator("#details").is_hidden()
    assert page.evaluate(focused).startswith("deployment/api, ")
    page.keyboard.press("o")
    assert places(page).count() == 8
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert places(page).count() == 13
    before = page.locator("#map > g").get_attribute("transform")
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.locator("#map > g").get_attribute("transform") != before
    page.keyboard.press("f")
    assert page.locator("#map > g").get_attribute("transform") == before
    assert page.locator("g.place[tabindex='0']").count() == 1


def test_the_details_of_an_edge_tell_what_each_side_saw(open_map):
    page = open_map(maps.shop().graph())
    place(page, "deployment/legacy").click()
    page.locator("#details button.port").click()
    text = page.locator("#details").inner_text()
    assert "TCP/9090" in text
    assert "unanswered" in text
    assert "2023-11-14 22:13:20Z" in text
    place(page, "api.github.com").click()
    page.locator("#details button.port").click()
    assert "api.github.com." in page.locator("#details section", has_text="As the client saw it").inner_text()
    assert "not recorded" in page.locator("#details section", has_text="As the server saw it").inner_text()


def test_a_map_of_nothing_says_so_and_can_be_zoomed(open_map):
    page = open_map(Graph())
    page.keyboard.press("+")
    page.keyboard.press("f")
    assert page.locator("#empty").is_visible()


def test_what_policies_say_is_shown_only_where_there_are_some(open_map):
    page = open_map(maps.shop().graph())
    assert page.locator("#state-denied").count() == 0
    assert page.locator("rect.bar").count() == 0
    page = open_map(maps.judged(maps.shop().graph()))
    assert page.locator("g.lines g.line.denied").count() == 1
    place(page, "deployment/api").click()
    assert page.locator("#details .badge.good").all_inner_texts() == ["ingress isolated", "egress isolated"]


def test_of_300_workloads_none_covers_another_and_none_leaves_its_group(open_map):
    page = open_map(maps.judged(maps.cluster().graph()))
    assert places(page).count() == 308
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("g.place rect.body, g.area > rect")].map((rect) => {
        const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
        const around = rect.parentNode, group = around.querySelector("title")?.textContent.split("\\n")[1];
        return { x, y, w, h, group, isGroup: !group, title: around.querySelector("title").textContent };
    })"""
    )
    groups = {box["title"]: box for box in boxes if box["isGroup"]}
    own = [box for box in boxes if not box["isGroup"]]
    for box in own:
        around = groups[box["group"]]
        assert around["x"] <= box["x"]
        assert box["x"] + box["w"] <= around["x"] + around["w"] + 0.1
        assert around["y"] + 20 <= box["y"]
        assert box["y"] + box["h"] <= around["y"] + around["h"] + 0.1
    for some in (own, list(groups.values())):
        for number, one in enumerate(some):
            assert not [other["title"] for other in some[number + 1 :] if overlap(one, other)]


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_names_of_300_workloads_can_be_read_at_first_sight(open_map):
    page = open_map(maps.judged(maps.cluster().graph()), viewport={"width": 1600, "height": 900})
    room = page.locator("#map").bounding_box()
    for text in page.locator("g.place .name").all():
        box = text.bounding_box()
        assert text.is_visible()
        assert box["height"] > 9
        assert room["x"] <= box["x"]
        assert box["x"] + box["width"] <= room["x"] + room["width"]
        assert room["y"] <= box["y"]
        assert box["y"] + box["height"] <= room["y"] + room["height"]


def test_titles_of_groups_can_be_read_at_any_zoom_and_names_go_where_they_cannot(open_map):
    page = open_map(maps.cluster().graph())
    names = page.locator("g.place .name:visible")
    assert names.count() == 308
    for key, times in (("-", 9), ("+", 20)):
        for _ in range(times):
            page.keyboard.press(key)
        titles = [title.bounding_box() for title in page.locator("g.titles text").all()]
        assert len(titles) == 23
        assert all(box["height"] > 11 for box in titles)
        pairs = [(one, other) for number, one in enumerate(titles) for other in titles[number + 1 :]]
        assert not any(
            overlap(*({"x": box["x"], "y": box["y"], "w": box["width"], "h": box["height"]} for box in pair))
            for pair in pairs
        )
        assert names.count() == (0 if key == "-" else 308)


def test_a_group_is_brought_near_by_a_click_and_by_keyboard(open_map):
    page = open_map(maps.cluster().graph())
    area = page.locator("g.area", has_text="payments").locator("rect")
    whole = area.bounding_box()

    def is_near():
        box, room = area.bounding_box(), page.locator("#map").bounding_box()
        inside = room["x"] <= box["x"] and box["x"] + box["width"] <= room["x"] + room["width"]
        return inside and box["width"] > 1.8 * whole["width"]

    def click_beside():
        free = """(rect) => {
            const { left, top, width, height } = rect.getBoundingClientRect();
            const shares = Array.from({ length: 400 }, (_, at) => [(at % 20) / 20, at / 400]);
            const points = shares.map(([across, down]) => [left + width * across, top + height * down]);
            return points.find(([x, y]) => document.elementFromPoint(x, y) === rect);
        }"""
        page.mouse.click(*area.evaluate(free))

    page.locator("g.heading", has_text="payments").click()
    assert is_near()
    page.keyboard.press("f")
    assert area.bounding_box() == whole
    click_beside()
    assert area.bounding_box() == whole, "where names can be read, beside them nothing is to be clicked"
    for _ in range(9):
        page.keyboard.press("-")
    click_beside()
    assert is_near()
    page.keyboard.press("f")
    page.locator('g.place[aria-label*=", payments, "]').first.focus()
    page.keyboard.press("n")
    assert is_near()


def test_much_traffic_between_groups_is_bundled_until_a_place_is_chosen(open_map):
    page = open_map(maps.cluster().graph())
    assert page.locator("#bundle").is_checked()
    assert page.locator("g.line.bundled:visible").count() == 0
    page.locator("#query").fill("coredns")
    page.keyboard.press("Enter")
    assert page.locator("g.lines g.line.bundled.near").count() == 300
    before = page.locator("#map > g").get_attribute("transform")
    page.locator("#bundle").uncheck()
    assert page.locator("g.bundle").count() == 0
    assert page.locator("#map > g").get_attribute("transform") == before, "what is seen stays where it is"


DRAWN = """(strokes) => strokes.map((stroke) => {
    const { stroke: ink, strokeDasharray, visibility, display } = getComputedStyle(stroke);
    return [ink, strokeDasharray === "none" ? "solid" : "broken", visibility, display].join(" ");
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_bundle_looks_like_the_worst_of_what_runs_between_its_groups(open_map, scheme):
    page = open_map(maps.judged(maps.cluster().graph()), color_scheme=scheme)
    for state, form in (("unanswered", "broken"), ("denied", "broken")):
        ink = page.locator(f".swatch.{state}").first.evaluate("(one) => getComputedStyle(one).borderTopColor")
        found = page.locator(f"g.bundle.{state} .stroke")
        assert found.count() >= 10
        assert set(found.evaluate_all(DRAWN)) == {f"{ink} {form} visible inline"}
    assert {look.split()[-3] for look in page.locator("g.bundle.answered .stroke").evaluate_all(DRAWN)} == {"solid"}
    denied = page.locator("g.bundle.denied").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert "monitoring to shop: 15 edges, 15 would be denied" in denied
    assert sum(int(re.search(r"(\d+) would be denied", label).group(1)) for label in denied) == 300
    assert page.locator("#bundles").is_visible()


def test_a_bundle_is_drawn_by_what_the_filters_leave_of_it(open_map):
    graph = maps.judged(maps.cluster().graph())
    page = open_map(graph)
    states = ("answered", "unanswered", "denied")
    shown = {state: page.locator(f"g.bundle.{state}").count() for state in states}
    for only in states:
        for state in states:
            page.locator(f"#state-{state}").set_checked(state == only)
        page.locator("#bundle").check()
        assert page.locator("g.bundle").count() == page.locator(f"g.bundle.{only}").count() >= shown[only] > 0


def test_bundles_are_reached_and_told_by_keyboard(open_map):
    page = open_map(maps.judged(maps.cluster().graph()))
    label = "document.activeElement.getAttribute('aria-label')"
    page.locator("#helpbox summary").focus()
    page.keyboard.press("Tab")
    assert re.fullmatch(r".+ to .+: \d+ edges, \d+ would be denied", page.evaluate(label))
    first = page.evaluate(label)
    page.keyboard.press("ArrowRight")
    second = page.evaluate(label)
    assert second != first
    page.keyboard.press("Enter")
    details = page.locator("#details")
    assert page.evaluate(label) == "Details"
    number = int(re.search(r"(\d+) edge", second).group(1))
    assert details.locator("tr.denied").count() == details.locator("tr").count() == number
    assert details.locator(".badge.denied").inner_text() == f"{number} would be denied"
    page.keyboard.press("Escape")
    assert page.evaluate(label) == second
    assert page.locator("g.bundle[tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.locator("g.place:focus").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bundles_of_the_still_picture_look_like_the_worst_of_their_lines(browser, tmp_path, scheme):
    picture = tmp_path / "map.svg"
    picture.write_text(to_svg(maps.judged(maps.cluster().graph()), "all namespaces"))
    page = browser.new_page(color_scheme=scheme)
    page.goto(picture.as_uri())
    for state in ("answered", "unanswered", "denied"):
        (key,) = page.locator(f"svg > path.line.{state}").evaluate_all(DRAWN)
        found = page.locator(f"path.bundle.{state}")
        assert set(found.evaluate_all(DRAWN)) == {key}
        heads = set(found.evaluate_all("(all) => all.map((one) => one.getAttribute('marker-end'))"))
        assert heads == {f"url(#{state})"}
    told = page.locator("path.bundle.denied title").all_text_contents()
    assert "monitoring to shop: 15 edges, 15 would be denied" in told
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_and_ports_can_be_read_in_light_and_in_dark(open_map, scheme):
    page = open_map(maps.judged(maps.shop().graph()), color_scheme=scheme)
    colours = page.evaluate(
        """() => {
        const of = (query, name) => getComputedStyle(document.querySelector(query))[name];
        const card = of("g.place .body", "fill"), paper = of("body", "backgroundColor");
        const ports = ["answered", "unanswered", "denied"].map((state) => [of(`g.line.${state} .port`, "fill"), paper]);
        return [[of("g.place .name", "fill"), card], [of("g.place .type", "fill"), card], ...ports,
            [of("#about", "color"), of("#side", "backgroundColor")], [of(".title", "fill"), of("g.area rect", "fill")]];
    }"""
    )
    for ink, paper in colours:
        assert contrast(ink, paper) >= 4.5, (ink, paper)
    is_dark = luminance(colours[0][1]) < 0.2
    assert is_dark == (scheme == "dark")
    page.locator("#theme").click()
    assert (luminance(page.evaluate("getComputedStyle(document.querySelector('g.place .body')).fill")) < 0.2) != is_dark


# WCAG 2.2, relative luminance and contrast ratio.
def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_a_small_window_shows_all_of_it(open_map):
    page = open_map(maps.shop().graph(), viewport={"width": 420, "height": 800})
    assert page.locator("#map").bounding_box()["height"] > 300
    for one in places(page).all():
        box = one.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 420
