"use strict";
// What is known of one place, one line or one bundle, beside the map.
const details = (() => {
  const panel = byId("details");
  const VERDICTS = { allowed: "allowed", denied: "would be denied", untold: "cannot be told" };
  const LISTED = 300; // rows of a table: whoever scans meets each port, and a table of 65,535 stands still
  const LATEST = 8.64e15; // of ECMAScript's dates, in ms
  const time = (value) => (value > 0 && value <= LATEST ? new Date(value).toISOString().replace("T", " ").slice(0, 19) + "Z" : "unknown");
  const badge = (text, kind) => html("span", { class: `badge ${kind || ""}` }, text);
  const row = (name, value) => value && value.length ? [html("dt", {}, name), html("dd", {}, value)] : [];
  const list = (values) => values.length > 1 ? [html("ul", {}, values.map((value) => html("li", {}, value)))] : values;
  const jump = (place) => html("button", { type: "button", class: "jump", onclick: () => actions.go(place) },
    html("b", {}, place.name), html("span", {}, place.type ? `${place.type}, ${place.group.title}` : place.group.title));
  const most = (edge) => [edge.from, edge.to].filter(Boolean).sort((one, other) => other.attempts - one.attempts)[0];

  function show(...content) {
    const close = html("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => actions.select(null) }, "×");
    panel.replaceChildren(close, ...content.flat().filter(Boolean));
    panel.hidden = false;
    panel.scrollTop = 0;
  }

  function place(one) {
    const marks = [
      !one.recorded && one.kind === "workload" && badge("not recorded itself"),
      one.hostNetwork && badge("host network", "warn"),
      one.losses.length > 0 && badge("lossy recording", "warn"),
      ...(one.coverage ? ["ingress", "egress"].map((side) =>
        badge(`${side} ${one.coverage[side] ? "isolated" : "open"}`, one.coverage[side] ? "good" : "warn")) : []),
    ];
    show(
      html("p", { class: "kind" }, one.type || one.kind), html("h2", {}, one.name), html("p", { class: "where" }, one.group.title),
      html("p", {}, marks),
      html("p", { class: "tools" }, html("button", { type: "button", onclick: () => actions.focusOn(one) }, "only this and its peers")),
      html("dl", {}, row("selector", one.selector), row("known server", one.server), row("DNS names", list(one.names)),
        row("addresses", list(one.addresses)), row("lost", list(one.losses))),
      table("Asks", one.out, (edge) => edge.server), table("Is asked by", one.into, (edge) => edge.client),
    );
  }

  function table(title, edges, other) {
    const shown = edges.filter(net.isShown);
    const rows = shown.slice(0, LISTED).map((edge) => {
      const counts = most(edge);
      return html("tr", { class: edge.state }, html("td", {}, jump(other(edge))),
        html("td", {}, html("button", { type: "button", class: "port", onclick: () => edgeOf(edge) }, edge.port)),
        html("td", { class: "count", title: "answered / attempts" }, `${counts.answered}/${counts.attempts}`),
        html("td", {}, html("span", { class: `dot ${edge.state}`, role: "img", "aria-label": edge.state, title: edge.state })));
    });
    const left = edges.length - shown.length;
    return html("section", {}, html("h3", {}, `${title} (${shown.length})`),
      rows.length ? html("table", {}, rows) : html("p", { class: "quiet" }, "nobody"), unlisted(shown),
      left > 0 && html("p", { class: "quiet" }, `${left} more, which the filters leave out`));
  }

  function unlisted(edges) {
    const left = edges.length - LISTED;
    return left > 0 && html("p", { class: "quiet" }, `${left} more, which are not listed`);
  }

  function edgeOf(edge) {
    const side = (title, counts) => html("section", {}, html("h3", {}, title), counts ? html("dl", {},
      row("attempts", String(counts.attempts)), row("answered", String(counts.answered)), row("refused", String(counts.refused)),
      row("first seen", time(counts.first)), row("last seen", time(counts.last)), row("marks", list(counts.marks)),
      row("asked for as", list(counts.names))) : html("p", { class: "quiet" }, "not recorded"));
    show(html("p", { class: "kind" }, "traffic"), html("h2", {}, edge.port), html("p", {}, badge(edge.state, edge.state),
      edge.verdict && badge(`policies: ${VERDICTS[edge.verdict]}`, edge.verdict === "allowed" ? "good" : edge.verdict)),
    html("p", { class: "ends" }, jump(edge.client), html("span", { class: "quiet" }, "asks"), jump(edge.server)),
    side("As the client saw it", edge.from), side("As the server saw it", edge.to));
    panel.focus();
  }

  function line(one) {
    if (one.edges.length === 1) return edgeOf(one.edges[0]);
    show(html("p", { class: "kind" }, "traffic"), html("h2", {}, `${one.edges.length} ports`), html("p", {}, badge(one.state, one.state)),
      html("p", { class: "ends" }, jump(one.client), html("span", { class: "quiet" }, "asks"), jump(one.server)),
      table("Ports", one.edges, (edge) => edge.server));
  }

  function bundle(one) {
    show(html("p", { class: "kind" }, "traffic between groups"), html("h2", {}, `${one.client.title} → ${one.server.title}`),
      html("p", {}, one.counts.map(({ state, count }) => badge(`${count} ${net.told(state)}`, state))),
      html("table", {}, one.edges.slice(0, LISTED).map((edge) => html("tr", { class: edge.state }, html("td", {}, jump(edge.client)), html("td", {}, jump(edge.server)),
        html("td", {}, html("button", { type: "button", class: "port", onclick: () => edgeOf(edge) }, edge.port)),
        html("td", {}, html("span", { class: `dot ${edge.state}`, role: "img", "aria-label": edge.state, title: edge.state }))))), unlisted(one.edges));
  }

  return { place, line, bundle, hide: () => { panel.hidden = true; }, focus: () => panel.focus() };
})();
