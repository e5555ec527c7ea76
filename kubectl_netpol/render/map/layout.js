"use strict";
// Where everything stands. dagre lays out each group by what its places say to each other, and the groups' order by
// what goes between them: who asks stands to the left of whom it asks. The groups then fill columns.
const layout = (() => {
  const PAD = 16, TITLE = 30, ALLEY = 30, WIDE = 236, MANY = 90;
  const COMFORT = 8; // pixels on the screen: where names would be smaller, groups are folded
  // ``size`` is that of a place's name in pixels, ``aside`` what of a place's width is not its name. ``band`` and
  // ``broad`` are the room for a group's title, which is drawn larger when the whole is seen.
  const ROOMY = { height: 40, font: "name", size: 13, aside: 28, nodesep: 12, ranksep: 54, band: TITLE, broad: 1, spare: 70, gap: 44, between: 114, steps: 1.25 };
  const DENSE = { height: 28, font: "large", size: 17, aside: 24, nodesep: 6, ranksep: 28, band: 48, broad: 2.4, spare: 0, gap: 30, between: 64, steps: 1.1 };
  const pen = document.createElement("canvas").getContext("2d");

  function measure(text, font) {
    pen.font = font;
    return pen.measureText(text).width;
  }

  function fitted(text, font, room) {
    if (measure(text, font) <= room) return text;
    const letters = [...text];
    let [few, many] = [1, letters.length];
    while (few < many) {
      const middle = (few + many + 1) >> 1;
      if (measure(cut(letters, middle), font) <= room) few = middle;
      else many = middle - 1;
    }
    return cut(letters, few);
  }
  const cut = (letters, size) => letters.slice(0, Math.ceil(size / 2)).join("") + "…" +
    letters.slice(letters.length - Math.floor(size / 2)).join("");

  // ``window`` is the room on the screen; ``labels``: whether the lines bear their ports.
  function arrange(visible, fonts, window, labels) {
    const boxes = new Map(), dense = visible.places.length > MANY, form = dense ? DENSE : ROOMY;
    for (const place of visible.places) {
      const name = fitted(place.name, fonts[form.font], WIDE - form.aside);
      const type = dense ? "" : place.type;
      const width = Math.max(dense ? 50 : 92, Math.ceil(measure(name, fonts[form.font])) + form.aside,
        Math.ceil(measure(type, fonts.small)) + form.aside);
      boxes.set(place, { place, label: name, type, width: Math.min(WIDE, width), height: form.height });
    }
    if (labels) return whole(visible, boxes, fonts, form);
    const inside = visible.lines.filter((line) => line.client.group === line.server.group);
    const across = visible.lines.filter((line) => line.client.group !== line.server.group);
    const areas = [...new Set(visible.places.map((place) => place.group))].map((group) => {
      const own = visible.places.filter((place) => place.group === group).map((place) => boxes.get(place));
      return area(group, own, inside.filter((line) => line.client.group === group), fonts, form);
    });
    const ordered = inOrder(areas, across, form);
    const scale = columns(ordered, window, form);
    const folded = dense && scale * form.size < COMFORT;
    if (folded) {
      for (const one of areas) one.fold();
      columns(ordered, window, form);
    }
    for (const one of areas) one.move();
    return { dense, folded, size: form.size, boxes, areas, inside, across, ...bounds(areas) };
  }

  // Few lines: all of them by dagre at once, each group held together, each line around what stands in its way.
  function whole(visible, boxes, fonts, form) {
    const graph = new dagre.graphlib.Graph({ multigraph: true, compound: true });
    graph.setGraph({ rankdir: "LR", nodesep: 32, ranksep: 46, edgesep: 14, marginx: 20, marginy: 40 });
    graph.setDefaultEdgeLabel(() => ({}));
    const groups = [...new Set(visible.places.map((place) => place.group))];
    for (const group of groups) graph.setNode(`g${group.id}`, {});
    for (const [place, box] of boxes) {
      graph.setNode(String(place.id), box);
      graph.setParent(String(place.id), `g${place.group.id}`);
    }
    for (const line of visible.lines) {
      if (line.client === line.server) continue;
      line.route = { width: measure(line.label, fonts.small) + 10, height: 13, labelpos: "c" };
      graph.setEdge(String(line.client.id), String(line.server.id), line.route, line.state);
    }
    dagre.layout(graph);
    const areas = groups.map((group) => {
      const own = [...boxes.values()].filter((box) => box.place.group === group);
      const [left, top] = [Math.min(...own.map((box) => box.x - box.width / 2)), Math.min(...own.map((box) => box.y - box.height / 2))];
      const right = Math.max(...own.map((box) => box.x + box.width / 2), left + measure(group.title, fonts.title));
      const bottom = Math.max(...own.map((box) => box.y + box.height / 2));
      return { group, band: TITLE, x: left - PAD, y: top - TITLE - 6, width: right - left + 2 * PAD, height: bottom - top + PAD + TITLE + 6 };
    });
    const inside = visible.lines.filter((line) => line.client.group === line.server.group);
    const across = visible.lines.filter((line) => line.client.group !== line.server.group);
    return { dense: form === DENSE, size: form.size, boxes, areas, inside, across, ...bounds(areas) };
  }

  // One group: the connected places by dagre, the others in rows below.
  function area(group, own, lines, fonts, form) {
    const linked = new Set(lines.filter((line) => line.client !== line.server).flatMap((line) => [line.client, line.server]));
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "LR", nodesep: form.nodesep, ranksep: form.ranksep, edgesep: 6, marginx: 0, marginy: 0 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const box of own) if (linked.has(box.place)) graph.setNode(String(box.place.id), box);
    for (const line of lines) {
      if (line.client === line.server) continue;
      line.route = {};
      graph.setEdge(String(line.client.id), String(line.server.id), line.route, line.state);
    }
    let width = 0, height = 0;
    if (linked.size) {
      dagre.layout(graph);
      ({ width, height } = graph.graph());
    }
    const rest = own.filter((box) => !linked.has(box.place));
    const rows = shelve(rest, Math.max(width, Math.sqrt(rest.length) * 190), linked.size ? height + 16 : 0, form);
    const least = measure(group.title, fonts.title) * form.broad + form.spare;
    width = Math.max(width, rows.width, least);
    height = Math.max(rows.bottom, height);
    const found = { group, band: form.band, width: width + 2 * PAD, height: height + PAD + form.band + 6, x: 0, y: 0 };
    found.fold = () => {
      for (const line of lines) line.route = null;
      const folded = fold([...own].sort((one, other) => one.x - other.x || one.y - other.y), form);
      found.width = Math.max(folded.width, least) + 2 * PAD;
      found.height = folded.height + PAD + form.band + 6;
    };
    found.move = () => {
      const [dx, dy] = [found.x + PAD, found.y + form.band + 6];
      for (const box of own) [box.x, box.y] = [box.x + dx, box.y + dy];
      for (const line of lines) {
        const route = line.route;
        if (!route || !route.points) continue;
        route.points = route.points.map((point) => ({ x: point.x + dx, y: point.y + dy }));
      }
    };
    return found;
  }

  // Boxes keep their middle in x and y, as dagre has it. In a column of their own width where they stand together.
  function shelve(rest, room, top, form) {
    if (!rest.length) return { width: 0, bottom: 0 };
    const wide = Math.max(...rest.map((box) => box.width));
    const count = Math.max(1, Math.floor((room + 12) / (wide + 12)));
    rest.forEach((box, at) => {
      box.width = wide;
      box.x = (at % count) * (wide + 12) + wide / 2;
      box.y = top + Math.floor(at / count) * (form.height + 12) + form.height / 2;
    });
    const used = Math.min(count, rest.length);
    return { width: used * (wide + 12) - 12, bottom: top + Math.ceil(rest.length / count) * (form.height + 12) - 12 };
  }

  // Places in columns, who asks before whom it asks, in a block about twice as broad as it is high. So small that the
  // names of hundreds can be read at once, which layers cannot: lines pass behind places instead.
  function fold(boxes, form) {
    const wide = Math.max(...boxes.map((box) => box.width));
    const count = Math.max(1, Math.round(Math.sqrt(((form.height + 12) * 2 * boxes.length) / (wide + ALLEY))));
    const rows = Math.ceil(boxes.length / count), columns = Math.ceil(boxes.length / rows);
    boxes.forEach((box, at) => {
      box.width = wide;
      box.x = Math.floor(at / rows) * (wide + ALLEY) + wide / 2;
      box.y = (at % rows) * (form.height + 8) + form.height / 2;
    });
    return { width: columns * (wide + ALLEY) - ALLEY, height: rows * (form.height + 8) - 8 };
  }

  function inOrder(areas, across, form) {
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "LR", nodesep: form.gap, ranksep: form.gap });
    graph.setDefaultEdgeLabel(() => ({}));
    const sizes = new Map(areas.map((one) => [one.group, { width: one.width, height: one.height }]));
    for (const [group, size] of sizes) graph.setNode(String(group.id), size);
    for (const line of across) {
      const [from, to] = [String(line.client.group.id), String(line.server.group.id)];
      const weight = (graph.edge(from, to)?.weight || 0) + 1;
      graph.setEdge(from, to, { weight });
    }
    dagre.layout(graph);
    const last = (one) => (one.group.kind === "outside" ? 1 : 0);
    for (const one of areas) {
      const at = graph.node(String(one.group.id));
      [one.rank, one.turn] = [last(one) ? Infinity : Math.round(at.x - 0), at.y];
      one.level = graph.node(String(one.group.id)).rank ?? at.x;
    }
    return [...areas].sort((one, other) => last(one) - last(other) || one.level - other.level || one.turn - other.turn);
  }

  // Columns as high as suits the window best. Groups of one step of the flow share a column where there is room.
  function columns(areas, window, { gap, between, steps }) {
    const tallest = Math.max(...areas.map((one) => one.height), 1);
    const whole = areas.reduce((sum, one) => sum + one.height + gap, 0);
    let best = null;
    for (const bySteps of [true, false]) {
      for (let tries = 0; tries <= 24; tries++) {
        const limit = tallest + ((whole - tallest) * tries) / 24;
        const found = packed(areas, limit, bySteps, gap, between);
        const scale = Math.min(window.width / found.width, window.height / found.height) * (bySteps ? steps : 1);
        if (!best || scale > best.scale * 1.001) best = { scale, ...found };
      }
    }
    let x = 0;
    for (const column of best.list) {
      const width = Math.max(...column.map((one) => one.width));
      const height = column.reduce((sum, one) => sum + one.height + gap, -gap);
      let y = (best.height - height) / 2;
      for (const one of column) {
        [one.x, one.y] = [x + (width - one.width) / 2, y];
        y += one.height + gap;
      }
      x += width + between;
    }
    return Math.min(window.width / best.width, window.height / best.height);
  }

  function packed(areas, limit, bySteps, gap, between) {
    const list = [];
    let height = Infinity, level = null;
    for (const one of areas) {
      if (height + gap + one.height > limit || (bySteps && level !== one.level)) {
        list.push([]);
        height = -gap;
      }
      list[list.length - 1].push(one);
      height += gap + one.height;
      level = one.level;
    }
    const width = list.reduce((sum, column) => sum + Math.max(...column.map((one) => one.width)) + between, -between);
    const tall = Math.max(...list.map((column) => column.reduce((sum, one) => sum + one.height + gap, -gap)), 0);
    return { list, width: Math.max(width, 1), height: Math.max(tall, 1) };
  }

  function bounds(areas) {
    return {
      width: Math.max(...areas.map((one) => one.x + one.width), 1),
      height: Math.max(...areas.map((one) => one.y + one.height), 1),
    };
  }

  return { arrange, measure, fitted };
})();
