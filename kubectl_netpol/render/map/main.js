"use strict";
// Buttons, keys and the mouse. Everything that the mouse can do the keyboard can do.
const actions = (() => {
  const { view, hidden } = net;
  const query = byId("query"), results = byId("results"), map = picture.root;
  let found = [], at = -1;

  function redraw(keepCamera) {
    picture.render(byId("bundle").checked);
    byId("back").hidden = !view.focus;
    byId("bundles").hidden = !byId("bundle").checked;
    if (!keepCamera) picture.fit();
    const shown = net.visible();
    const held = view.focus ? ` around ${view.focus.path}` : "";
    byId("about").textContent = `${net.title}: ${shown.places.length} of ${net.places.length} places${held}, ` +
      `${shown.lines.reduce((sum, line) => sum + line.edges.length, 0)} of ${net.edges.length} edges`;
  }

  function tell(text) { byId("status").textContent = text; }

  function select(place) {
    view.selected = place;
    picture.choose(place);
    if (!place) return details.hide();
    details.place(place);
    tell(`${place.path} chosen`);
  }

  // To a place that a list names, wherever it is: what hides it gives way.
  function go(place) {
    if (!picture.has(place)) {
      if (view.focus) view.focus = null;
      if (hidden.groups.delete(place.group)) byId(`group-${place.group.id}`).checked = true;
      redraw();
    }
    select(place);
    picture.focus(place);
  }

  function focusOn(place) {
    view.focus = place;
    byId("bundle").checked = false;
    redraw();
    select(place);
    picture.focus(place);
  }

  function selectLine(line) {
    view.selected = null;
    picture.choose(null, line);
    details.line(line);
  }

  function selectBundle(bundle) {
    view.selected = null;
    const ends = bundle.lines.flatMap((line) => [line.client, line.server]);
    picture.choose(null, { bundle, client: ends[0], server: ends[1] }, ends);
    details.bundle(bundle);
  }

  function everything() {
    const place = view.focus;
    view.focus = null;
    byId("bundle").checked = picture.defaultBundling();
    redraw();
    if (place) picture.focus(place);
  }

  // What opened the details gets the focus back from them.
  let opener = null;
  function open(choose, event) {
    opener = event.currentTarget;
    choose();
    details.focus();
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function key(event, place) {
    if (event.key === "Enter" || event.key === " ") {
      open(() => select(place), event);
    } else if (event.key === "o") focusOn(place);
    else if (event.key === "n") picture.approach(place.group);
    else if (ARROWS[event.key] && !event.shiftKey) {
      const next = picture.beside(place, ARROWS[event.key]);
      if (next) picture.focus(next);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function bundleKey(event, bundle) {
    if (event.key === "Enter" || event.key === " ") open(() => selectBundle(bundle), event);
    else if (ARROWS[event.key] && !event.shiftKey) picture.nextBundle(bundle, ARROWS[event.key].includes(1) ? 1 : -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Filters

  function box(parent, id, label, isOn, extra, change) {
    const input = html("input", { type: "checkbox", id, checked: isOn });
    input.addEventListener("change", () => { change(input.checked); redraw(); });
    byId(parent).append(html("label", { title: label }, input, extra.swatch, html("span", { class: "text" }, label),
      html("span", { class: "count" }, extra.count)));
    return input;
  }
  const filter = (set, value) => (isOn) => (isOn ? set.delete(value) : set.add(value));

  for (const state of net.STATES) {
    if (state === "denied" && !net.judged) continue;
    const count = net.edges.filter((edge) => edge.state === state).length;
    box("states", `state-${state}`, net.told(state), true,
      { count, swatch: html("span", { class: `swatch ${state}` }) }, filter(hidden.states, state));
  }
  const boxes = net.groups.map((group) => [group, box("groups", `group-${group.id}`, group.title, true,
    { count: group.places.length }, filter(hidden.groups, group))]);
  // Whoever scans meets each port, and a page with a box for each of 65,535 stands still.
  const PORTS_LISTED = 300;
  for (const { port, count } of net.ports.slice(0, PORTS_LISTED)) box("ports", `port-${port.replace("/", "-")}`, port, true, { count }, filter(hidden.ports, port));
  const unlisted = net.ports.length - PORTS_LISTED;
  if (unlisted > 0) byId("ports").append(html("p", { class: "quiet" }, `${unlisted} more, which the search finds`));
  const setAll = (isOn) => {
    for (const [group, input] of boxes) [input.checked] = [isOn, filter(hidden.groups, group)(isOn)];
    redraw();
  };
  byId("all").addEventListener("click", () => setAll(true));
  byId("none").addEventListener("click", () => setAll(false));
  byId("bundle").addEventListener("change", () => redraw(true));

  // Search

  function seek() {
    found = net.search(query.value);
    at = -1;
    const shown = found.slice(0, 40);
    results.replaceChildren(...shown.map((place, number) => html("li", {
      id: `found-${number}`, role: "option", onclick: () => take(place),
    }, html("b", {}, place.name), html("span", {}, place.type ? `${place.type}, ${place.group.title}` : place.group.title))));
    if (query.value.trim() && !found.length) results.replaceChildren(html("li", { class: "quiet" }, "nothing found"));
    const isOpen = Boolean(query.value.trim());
    results.hidden = !isOpen;
    query.setAttribute("aria-expanded", isOpen);
    query.removeAttribute("aria-activedescendant");
    picture.choose(isOpen ? null : view.selected, null, isOpen ? found : null);
    if (isOpen) tell(`${found.length} found`);
  }

  function take(place) {
    query.value = "";
    seek();
    go(place);
  }

  function point(step) {
    const items = results.querySelectorAll("[role=option]");
    if (!items.length) return;
    items[at]?.removeAttribute("aria-selected");
    at = (at + step + items.length) % items.length;
    items[at].setAttribute("aria-selected", "true");
    items[at].scrollIntoView({ block: "nearest" });
    query.setAttribute("aria-activedescendant", items[at].id);
  }

  query.addEventListener("input", seek);
  query.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") point(1);
    else if (event.key === "ArrowUp") point(-1);
    else if (event.key === "Enter" && found.length) take(found[Math.max(at, 0)]);
    else if (event.key === "Escape") { query.value = ""; seek(); query.blur(); } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // The map as a whole

  const STEP = 60;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === query;
    if (event.key === "/" && !typing) query.focus();
    else if (event.key === "Escape") back();
    else if (typing) return;
    else if (event.key === "+" || event.key === "=") picture.zoom(1.25);
    else if (event.key === "-") picture.zoom(0.8);
    else if (event.key === "f") picture.fit();
    else if (ARROWS[event.key] && event.shiftKey) picture.move(...ARROWS[event.key].map((part) => -part * STEP));
    else return;
    event.preventDefault();
  });

  // One step: the details first, then the way back from a few places to all of them.
  function back() {
    const place = view.selected;
    if (!byId("details").hidden) {
      select(null);
      if (place) picture.focus(place);
      else if (opener?.isConnected) opener.focus({ preventScroll: true });
    } else if (view.focus) everything();
  }

  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const room = map.getBoundingClientRect();
    picture.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), { x: event.clientX - room.left, y: event.clientY - room.top });
  }, { passive: false });
  let held = null;
  map.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && !event.target.closest(".place, .line, .bundle")) held = { x: event.clientX, y: event.clientY, moved: false, target: event.target };
  });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
    held = { x: event.clientX, y: event.clientY, moved: true };
    map.classList.add("held");
    picture.move(dx, dy);
  });
  window.addEventListener("pointerup", () => {
    if (held && !held.moved) {
      select(null);
      picture.enter(held.target);
    }
    held = null;
    map.classList.remove("held");
  });

  byId("in").addEventListener("click", () => picture.zoom(1.25));
  byId("out").addEventListener("click", () => picture.zoom(0.8));
  byId("fit").addEventListener("click", () => picture.fit());
  byId("back").addEventListener("click", everything);
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  new ResizeObserver(() => picture.resize()).observe(map);

  const legend = (state, text) => html("span", {}, html("span", { class: `swatch ${state}` }), text);
  byId("legend").append(legend("answered", "answered"), legend("unanswered", "unanswered"));
  if (net.judged) {
    byId("legend").append(legend("denied", "would be denied"),
      html("span", {}, html("span", { class: "swatch bar isolated" }), html("span", { class: "swatch bar open" }),
        "isolated, open (left: ingress, right: egress)"));
  }
  byId("legend").append(html("span", { id: "bundles" }, "thick: all traffic between two groups, drawn as the worst of it"));

  return { redraw, select, go, focusOn, selectLine, selectBundle, key, bundleKey };
})();

byId("bundle").checked = picture.defaultBundling();
actions.redraw();
