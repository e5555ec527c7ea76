"use strict";
// The picture: groups below, lines above them, places on top. What is chosen is told by classes; colours are CSS.
const picture = (() => {
  const root = byId("map");
  const camera = { x: 0, y: 0, k: 1, least: 0.05, fitted: true };
  const BUNDLED = 90, LABELLED = 70;
  const TITLE = 15, SMALL_TITLE = 10, NAME = 6; // on the screen, in pixels: smaller ones are cut, and left out
  let chosen = { place: null, line: null, found: null };
  let [scene, drawn, nodes, strokes, titles, bundled] = [null, null, new Map(), [], [], new Map()];

  const style = getComputedStyle(document.documentElement);
  const family = style.getPropertyValue("--font").trim();
  const fonts = { name: `600 13px ${family}`, large: `600 17px ${family}`, small: `11px ${family}`, title: `700 15px ${family}` };

  function defaultBundling() {
    return net.visible().lines.filter((line) => line.client.group !== line.server.group).length > BUNDLED;
  }

  function render(isBundled) {
    const found = net.visible();
    const labels = found.lines.length <= LABELLED;
    byId("empty").hidden = found.places.length > 0;
    root.replaceChildren();
    [nodes, strokes, titles, bundled, camera.titled] = [new Map(), [], [], new Map(), 0];
    scene = svg("g", {});
    root.append(heads(), scene);
    if (!found.places.length) return;
    const box = root.getBoundingClientRect();
    drawn = layout.arrange(found, fonts, { width: box.width, height: box.height - 80 }, labels);
    const below = svg("g", {}), bundles = svg("g", { class: "bundles" }), lines = svg("g", { class: "lines" });
    const above = svg("g", {}), ports = svg("g", {}), over = svg("g", { class: "titles" });
    root.classList.toggle("dense", drawn.dense);
    for (const area of drawn.areas) {
      const [ground, heading] = [areaOf(area), titleOf(area)];
      below.append(ground);
      over.append(heading);
      titles.push({ area, ground, heading, text: heading.firstChild, wide: layout.measure(area.group.title, fonts.title) });
    }
    if (isBundled) for (const bundle of net.bundles(drawn.across)) bundles.append(bundleOf(bundle));
    for (const line of [...drawn.inside, ...drawn.across]) {
      const [stroke, port] = lineOf(line, inner(line), labels, isBundled && line.client.group !== line.server.group);
      lines.append(stroke);
      ports.append(port);
    }
    for (const one of drawn.boxes.values()) above.append(nodeOf(one));
    scene.append(below, bundles, lines, above, ports, over);
    nodes.values().next().value?.setAttribute("tabindex", "0");
    [...bundled.values()].at(-1)?.setAttribute("tabindex", "0");
    apply();
    choose(net.view.selected);
  }

  function heads() {
    const head = (id) => svg("marker", {
      id, class: "head", viewBox: "0 0 8 8", refX: 7.2, refY: 4,
      markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse",
    }, svg("path", { d: "M0,0.6 L7.6,4 L0,7.4 z" }));
    return svg("defs", {}, ["head-line", "head-bundle"].map(head));
  }

  function areaOf(area) {
    return svg("g", { class: `area ${area.group.kind}` },
      svg("rect", { x: area.x, y: area.y, width: area.width, height: area.height, rx: 14 }), svg("title", {}, area.group.title));
  }

  // Above all else, since it is all that can be read of the whole of a large map.
  function titleOf(area) {
    return svg("g", { class: "heading" }, svg("text", { class: "title", x: area.x + 16 }), svg("title", {}, area.group.title));
  }

  function nodeOf(box) {
    const { place } = box;
    const [x, y] = [box.x - box.width / 2, box.y - box.height / 2];
    const cover = place.coverage;
    const bar = (side, isolated, at) => svg("rect", {
      class: `bar ${isolated ? "isolated" : "open"}`, x: at, y: y + 7, width: 4, height: box.height - 14, rx: 2 },
    svg("title", {}, `${side}: ${isolated ? "isolated by a policy" : "open"}`));
    const node = svg("g", {
      class: `place ${place.kind}${place.recorded ? "" : " unrecorded"}`, role: "button", tabindex: -1, "aria-label": spoken(place),
      onclick: () => actions.select(place), onmouseenter: () => hint(place), onmouseleave: () => hint(null),
      onfocus: () => rove(nodes, node), onkeydown: (event) => actions.key(event, place),
    },
    svg("title", {}, `${place.path}\n${place.group.title}`),
    svg("rect", { class: "body", x, y, width: box.width, height: box.height, rx: 9 }),
    svg("text", { class: "name", x: x + (drawn.dense ? 12 : 14), y: y + (box.type ? 17 : box.height / 2 + (drawn.dense ? 6 : 4.5)) }, box.label),
    box.type && svg("text", { class: "type", x: x + 14, y: y + 31 }, box.type),
    cover && bar("ingress", cover.ingress, x + 4), cover && bar("egress", cover.egress, x + box.width - 8));
    nodes.set(place, node);
    return node;
  }

  function spoken(place) {
    const asks = new Set(place.out.map((edge) => edge.server)).size, asked = new Set(place.into.map((edge) => edge.client)).size;
    return `${place.path}, ${place.group.title}, asks ${asks}, asked by ${asked}`;
  }

  function lineOf(line, path, labels, isBundled) {
    const spot = path.label;
    const group = svg("g", { class: `line ${line.state}${isBundled ? " bundled" : ""}`, onclick: () => actions.selectLine(line) },
      svg("path", { class: "reach", d: path.d }), svg("path", { class: "stroke", d: path.d, "marker-end": "url(#head-line)" }));
    group.append(svg("title", {}, `${line.client.path} → ${line.server.path}\n${line.edges.map((edge) => edge.port).join(", ")}, ${line.state}`));
    const port = svg("g", { class: group.getAttribute("class"), onclick: () => actions.selectLine(line) },
      svg("text", { class: `port${labels ? "" : " few"}`, x: spot.x, y: spot.y + 3.5, "text-anchor": "middle" }, line.label));
    strokes.push({ line, group }, { line, group: port });
    return [group, port];
  }

  // dagre has found a way around the other places. It leaves and arrives level, and changes its height between steps.
  function inner(line) {
    const route = line.route;
    if (!route || !route.points) return outer(line);
    const [from, to] = [drawn.boxes.get(line.client), drawn.boxes.get(line.server)];
    const way = from.x <= to.x ? 1 : -1;
    const points = [{ x: from.x + (way * from.width) / 2, y: from.y }];
    for (const point of route.points.slice(1, -1)) {
      const half = point.x === route.x && point.y === route.y ? (way * route.width) / 2 : 0;
      if (half) points.push({ x: point.x - half, y: point.y }, { x: point.x + half, y: point.y });
      else points.push(point);
    }
    points.push({ x: to.x - (way * to.width) / 2, y: to.y });
    const middle = points[points.length >> 1];
    return { d: steps(points), label: route.x === undefined ? middle : route };
  }

  function steps(points) {
    let d = `M${at(points[0])}`;
    for (let i = 1; i < points.length; i++) {
      const [from, to] = [points[i - 1], points[i]], middle = (from.x + to.x) / 2;
      d += ` C${at({ x: middle, y: from.y })} ${at({ x: middle, y: to.y })} ${at(to)}`;
    }
    return d;
  }
  const at = (point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`;

  function outer(line) {
    const [from, to] = [drawn.boxes.get(line.client), drawn.boxes.get(line.server)];
    const busy = line.server.into.length > line.client.out.length;
    return curve(from, to, from === to ? 0.5 : busy ? 0.22 : 0.78);
  }

  // From a side of one box to a side of the other. Boxes above each other are joined on their right.
  function curve(from, to, share) {
    const [left, right] = [to.x + to.width / 2 < from.x - from.width / 2, from.x + from.width / 2 < to.x - to.width / 2];
    const start = { x: from.x + ((left ? -1 : 1) * from.width) / 2, y: from.y };
    const end = { x: to.x + ((right ? -1 : 1) * to.width) / 2, y: to.y };
    if (from === to) [start.y, end.y] = [from.y - 9, from.y + 9];
    const reach = left || right ? Math.max(30, Math.abs(end.x - start.x) * 0.45) :
      drawn.folded ? 30 : 36 + Math.abs(end.y - start.y) * 0.12;
    const one = { x: start.x + (left ? -reach : reach), y: start.y }, two = { x: end.x + (right ? -reach : reach), y: end.y };
    const mix = (t, a, b, c, d) => (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t * t * c + t ** 3 * d;
    return {
      d: `M${at(start)} C${at(one)} ${at(two)} ${at(end)}`,
      label: { x: mix(share, start.x, one.x, two.x, end.x), y: mix(share, start.y, one.y, two.y, end.y) },
    };
  }

  // As wide on the screen at any zoom, so that its dashes can be told from its dots when the whole is seen. It leaves
  // above a group's middle and arrives below, so that what runs the other way does not lie under it.
  function bundleOf(bundle) {
    const box = (group, side) => {
      const area = drawn.areas.find((one) => one.group === group), aside = side * Math.min(24, area.height / 6);
      return { x: area.x + area.width / 2, y: area.y + area.height / 2 + aside, width: area.width, height: area.height };
    };
    const path = curve(box(bundle.client, -1), box(bundle.server, 1), 0.5);
    const wide = Math.min(5, 1 + Math.sqrt(bundle.lines.length) / 2);
    const dashes = { unanswered: `${3 * wide} ${2 * wide}`, denied: `0.1 ${2 * wide}` };
    const group = svg("g", {
      class: `bundle ${bundle.state}`, role: "button", tabindex: -1, "aria-label": bundle.label,
      onclick: () => actions.selectBundle(bundle), onkeydown: (event) => actions.bundleKey(event, bundle),
      onfocus: () => { rove(bundled, group); if (group.matches(":focus-visible")) sight(group); },
    },
    svg("path", { class: "reach", d: path.d }),
    svg("path", { class: "stroke", d: path.d, "stroke-width": wide.toFixed(1), "stroke-dasharray": dashes[bundle.state], "marker-end": "url(#head-bundle)" }),
    svg("title", {}, bundle.label));
    strokes.push({ bundle, group });
    bundled.set(bundle, group);
    return group;
  }

  // What reaches beyond the window is seen when all is.
  function sight(group) {
    const [box, room] = [group.getBoundingClientRect(), root.getBoundingClientRect()];
    if (box.left < room.left || box.top < room.top || box.right > room.right || box.bottom > room.bottom) fit();
  }

  // The worst are first for who goes through them by keyboard.
  function nextBundle(bundle, step) {
    const all = [...bundled.keys()].reverse();
    const next = all[(all.indexOf(bundle) + step + all.length) % all.length];
    bundled.get(next).focus({ preventScroll: true });
  }

  // Marks what belongs to a place (or a line, or a search's finds) and lets the rest step back.
  function light(place, line, found) {
    const near = new Set(found || []);
    if (place) [place, ...net.peers(place)].forEach((one) => near.add(one));
    if (line) [line.client, line.server].forEach((one) => near.add(one));
    root.classList.toggle("dimmed", near.size > 0);
    for (const [one, node] of nodes) {
      node.classList.toggle("near", near.has(one));
      node.classList.toggle("chosen", one === net.view.selected);
    }
    for (const { line: one, bundle, group } of strokes) {
      const isNear = one ? one === line || (place && (one.client === place || one.server === place)) :
        line && line.bundle === bundle;
      group.classList.toggle("near", Boolean(isNear));
    }
  }

  function choose(place, line = null, found = null) {
    chosen = { place: nodes.has(place) ? place : null, line, found };
    light(chosen.place, line, found);
  }
  function hint(place) {
    if (place) light(place, null, null);
    else light(chosen.place, chosen.line, chosen.found);
  }

  function rove(among, node) {
    for (const one of among.values()) one.setAttribute("tabindex", one === node ? "0" : "-1");
  }

  function focus(place) {
    const node = nodes.get(place);
    if (!node) return false;
    node.focus({ preventScroll: true });
    reveal(place);
    return true;
  }

  // The nearest place in a direction: how far it is, and twice how far aside.
  function beside(place, [dx, dy]) {
    const from = drawn.boxes.get(place);
    let best = null;
    for (const to of drawn.boxes.values()) {
      const [x, y] = [to.x - from.x, to.y - from.y];
      const ahead = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (ahead > 4 && (!best || ahead + 2 * aside < best.cost)) best = { cost: ahead + 2 * aside, place: to.place };
    }
    return best && best.place;
  }

  function apply() {
    scene.setAttribute("transform", `translate(${camera.x.toFixed(2)} ${camera.y.toFixed(2)}) scale(${camera.k.toFixed(4)})`);
    root.classList.toggle("far", camera.k < 0.55);
    root.classList.toggle("nameless", isFar());
    root.classList.toggle("reading", camera.k >= 0.8);
    const head = Math.max(8, 7 / camera.k);
    for (const size of ["markerWidth", "markerHeight"]) byId("head-bundle")?.setAttribute(size, head.toFixed(1));
    if (camera.titled !== camera.k) titles.forEach(retitle);
    camera.titled = camera.k;
  }

  // As large on the screen at any zoom: smaller where its group's width does not hold it, and cut where that is too small.
  function retitle({ text, area, wide }) {
    const room = area.width - 30;
    const size = Math.max(TITLE, Math.min(TITLE / camera.k, (TITLE * room) / wide), SMALL_TITLE / camera.k);
    text.setAttribute("font-size", size.toFixed(1));
    text.setAttribute("y", area.y + Math.max(24, Math.min(area.band - 8, size)));
    text.textContent = layout.fitted(area.group.title, fonts.title, (room * TITLE) / size + 0.1);
  }

  // Whether names of places are too small to be read, and left out.
  function isFar() {
    return Boolean(drawn) && camera.k * drawn.size < NAME;
  }

  function show(part) {
    const { width, height } = root.getBoundingClientRect();
    const margin = 26, top = 54;
    camera.k = Math.min((width - 2 * margin) / part.width, (height - top - margin) / part.height, 1.25);
    camera.x = (width - part.width * camera.k) / 2 - part.x * camera.k;
    camera.y = top + (height - top - margin - part.height * camera.k) / 2 - part.y * camera.k;
  }

  function fit() {
    if (!drawn) return;
    show({ x: 0, y: 0, width: drawn.width, height: drawn.height });
    camera.fitted = true;
    camera.least = Math.min(camera.k / 2, 0.5);
    apply();
  }

  // Brings one group into sight as a whole.
  function approach(group) {
    show(drawn.areas.find((one) => one.group === group));
    camera.fitted = false;
    apply();
  }

  function zoom(factor, at) {
    const box = root.getBoundingClientRect();
    const point = at || { x: box.width / 2, y: box.height / 2 };
    const k = Math.min(3, Math.max(camera.least, camera.k * factor));
    camera.fitted = false;
    camera.x = point.x - ((point.x - camera.x) * k) / camera.k;
    camera.y = point.y - ((point.y - camera.y) * k) / camera.k;
    camera.k = k;
    apply();
  }

  function move(dx, dy) {
    camera.fitted = false;
    [camera.x, camera.y] = [camera.x + dx, camera.y + dy];
    apply();
  }

  // A group's title leads to it, and so does the whole group where its places' names cannot be read.
  function enter(target) {
    const found = titles.find(({ ground, heading }) => heading.contains(target) || (isFar() && ground.contains(target)));
    if (found) approach(found.area.group);
  }

  // Brings a place into sight, and near enough to be read.
  function reveal(place) {
    const box = drawn && drawn.boxes.get(place);
    if (!box) return;
    const room = root.getBoundingClientRect();
    const before = { ...camera };
    if (camera.k < 0.6) camera.k = 0.85;
    const [x, y] = [box.x * camera.k + camera.x, box.y * camera.k + camera.y];
    if (x < 130 || x > room.width - 130 || y < 80 || y > room.height - 60) {
      [camera.x, camera.y] = [room.width / 2 - box.x * camera.k, room.height / 2 - box.y * camera.k];
    }
    camera.fitted = camera.fitted && ["x", "y", "k"].every((part) => camera[part] === before[part]);
    apply();
  }

  // The details took room or gave it back: what was seen whole is seen whole again.
  function resize() {
    if (camera.fitted) fit();
    else reveal(chosen.place);
  }

  return { root, render, defaultBundling, choose, focus, beside, nextBundle, approach, enter, fit, zoom, move, resize, has: (place) => nodes.has(place) };
})();
