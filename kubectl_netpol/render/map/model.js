"use strict";
// What the map holds, and which part of it is shown. Everything that is read here is text of other people: it reaches
// the page as text nodes and attributes only, never as markup.
const net = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const STATES = ["answered", "unanswered", "denied"]; // the worst last
  const GROUPS = { cluster: "nodes and control plane", unknown: "unknown addresses", outside: "outside" };

  const groups = data.groups.map((group, id) => ({
    ...group, id, places: [], title: group.kind === "namespace" ? group.name : GROUPS[group.kind],
  }));
  const places = data.places.map((place, id) => {
    const path = place.type ? `${place.type}/${place.name}` : place.name;
    const found = { ...place, id, path, group: groups[place.group], out: [], into: [] };
    const words = [path, found.group.title, place.selector, place.server, ...place.addresses, ...place.names];
    found.words = words.join("\n").toLowerCase();
    found.group.places.push(found);
    return found;
  });
  const edges = data.edges.map((edge, id) => {
    const found = { ...edge, id, client: places[edge.client], server: places[edge.server] };
    found.client.out.push(found);
    found.server.into.push(found);
    return found;
  });

  const counts = new Map();
  for (const edge of edges) counts.set(edge.port, (counts.get(edge.port) || 0) + 1);
  const ports = [...counts].map(([port, count]) => ({ port, count }))
    .sort((one, other) => other.count - one.count || (one.port < other.port ? -1 : 1));

  const hidden = { groups: new Set(), states: new Set(), ports: new Set() };
  const view = { hidden, focus: null, selected: null };

  const isShown = (edge) => !hidden.states.has(edge.state) && !hidden.ports.has(edge.port);

  // The places and the lines that the filters leave. A line is all ports of one state between two places.
  function visible() {
    const near = view.focus && new Set([view.focus, ...peers(view.focus)]);
    const kept = places.filter((place) => (near ? near.has(place) : !hidden.groups.has(place.group)));
    const chosen = new Set(kept);
    const lines = new Map();
    for (const edge of edges) {
      if (!isShown(edge) || !chosen.has(edge.client) || !chosen.has(edge.server)) continue;
      if (near && edge.client !== view.focus && edge.server !== view.focus) continue;
      const key = `${edge.client.id} ${edge.server.id} ${edge.state}`;
      if (!lines.has(key)) lines.set(key, { client: edge.client, server: edge.server, state: edge.state, edges: [] });
      lines.get(key).edges.push(edge);
    }
    for (const line of lines.values()) line.label = shorten(line.edges.map((edge) => edge.port));
    return { places: kept, lines: [...lines.values()] };
  }

  // What runs between groups, one bundle for each pair of them; its state is its worst line's. The worst come last.
  function bundles(across) {
    const found = new Map();
    for (const line of across) {
      const [client, server] = [line.client.group, line.server.group], key = `${client.id} ${server.id}`;
      if (!found.has(key)) found.set(key, { client, server, lines: [], state: line.state });
      const bundle = found.get(key);
      bundle.lines.push(line);
      if (STATES.indexOf(line.state) > STATES.indexOf(bundle.state)) bundle.state = line.state;
    }
    for (const bundle of found.values()) {
      const edges = bundle.lines.flatMap((line) => line.edges);
      const byState = [...STATES].reverse().map((state) => [state, edges.filter((edge) => edge.state === state)]);
      bundle.edges = byState.flatMap(([, some]) => some);
      bundle.counts = byState.map(([state, some]) => ({ state, count: some.length })).filter(({ count }) => count);
      bundle.label = [`${bundle.client.title} to ${bundle.server.title}: ${edges.length} ${edges.length === 1 ? "edge" : "edges"}`,
        ...bundle.counts.map(({ state, count }) => `${count} ${told(state)}`)].join(", ");
    }
    return [...found.values()].sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state));
  }
  const told = (state) => (state === "denied" ? "would be denied" : state);

  function shorten(found) {
    const shown = found.slice(0, 3).join(", ");
    return found.length > 3 ? `${shown} +${found.length - 3}` : shown;
  }

  function peers(place) {
    return [...place.out.filter(isShown).map((edge) => edge.server), ...place.into.filter(isShown).map((edge) => edge.client)];
  }

  // Places that hold every word; those whose name begins with the text first.
  function search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const rank = (place) => (place.name.toLowerCase().startsWith(words[0]) ? 0 : place.path.toLowerCase().includes(words[0]) ? 1 : 2);
    const holds = (place, word) => place.words.includes(word) ||
      [...place.out, ...place.into].some((edge) => edge.port.toLowerCase().includes(word));
    return places.filter((place) => words.every((word) => holds(place, word)))
      .map((place) => [rank(place), place.id, place]).sort((one, other) => one[0] - other[0] || one[1] - other[1])
      .map((found) => found[2]);
  }

  return { ...data, STATES, groups, places, edges, ports, view, hidden, visible, bundles, told, peers, search, isShown };
})();

// Elements from plain values: no markup is ever parsed.
const SVG = "http://www.w3.org/2000/svg";
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);
