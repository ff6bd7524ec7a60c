/* Copyright (c) 2026 the upid.proxmox authors
   GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
   SPDX-License-Identifier: GPL-3.0-or-later */
/* The report in the browser. Texts of tasks are hostile: they only ever become text nodes, and labels of charts, in
   which Plotly would take tags for markup, are escaped. */
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const GOOD = new Set(["ok", "warnings"]), BAD = new Set(["failed", "lost"]);
const SYMBOLS = {ok: "✓", warnings: "!", failed: "✗", cancelled: "–", lost: "?", running: "…"};
const SHADES = new Set(Object.keys(SYMBOLS));
const HOUR = 3600e3, DAY = 24 * HOUR, NOW = data.generated * 1000;
const PAGE = 50, FAILURES = 10, MOST_ROWS = 120, MOST_LANES = 5, MOST_BARS = 3500, MOST_PRINTED = 500, SLOWEST = 8;

/* ---- the tasks ---- */
const tasks = data.tasks.map(([upid, outcome, status, seconds, title, progress], index) => {
  const [, node, , , start, type, id, user] = upid.split(":");
  const begin = parseInt(start, 16) * 1000;
  return {
    index, upid, node, type, id, user, begin, outcome: data.outcomes[outcome], title: data.titles[title], progress,
    status: status < 0 ? "" : data.statuses[status], seconds: seconds < 0 ? null : seconds,
    end: seconds < 0 ? (data.outcomes[outcome] === "running" ? Math.max(NOW, begin) : begin) : begin + seconds * 1000,
    log: data.logs[index] || [], guests: data.guests[index] || [],
  };
});
for (const task of tasks) task.words = [task.upid, task.title, task.status, ...task.guests.flat(), ...task.log].join("\n").toLowerCase();
/* Whether the same was done later with success: the newest come first. */
{
  const done = new Map();
  for (const task of tasks) {
    const what = `${task.type}:${task.id}${task.id ? "" : task.node}`;
    if (GOOD.has(task.outcome)) done.set(what, task);
    else if (BAD.has(task.outcome)) task.mended = done.get(what);
  }
}
let shown = tasks;

/* ---- texts ---- */
const pad = (number) => String(number).padStart(2, "0");
function time(ms) {
  const at = new Date(ms);
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ` +
    `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
}
function span(seconds) {
  if (seconds === null) return "–";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(Math.round(seconds % 60))} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${pad(Math.floor(seconds / 60) % 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}
const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const cut = (text, most) => text.length > most ? `${text.slice(0, most)}…` : text;
const SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"};
const label = (text, most = 60) => cut(text.replace(/\s+/g, " "), most).replace(/[&<>]/g, (sign) => SIGNS[sign]);
const byCount = (one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1);
const counted = (list, of) => {
  const found = new Map();
  for (const one of list) found.set(of(one), (found.get(of(one)) || 0) + 1);
  return found;
};

/* ---- elements ---- */
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element) element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
const badge = (outcome) =>
  make("span", {className: `badge ${SHADES.has(outcome) ? outcome : "lost"}`}, `${SYMBOLS[outcome] || "?"} ${outcome}`);
const empty = (text) => make("p", {className: "empty"}, text);
function facts(task) {
  const list = make("dl");
  const rows = [["UPID", task.upid], ["Started", `${time(task.begin)} UTC`],
    ["Ended", task.seconds === null ? "–" : `${time(task.end)} UTC`], ["Duration", span(task.seconds)], ["Node", task.node],
    ["User", task.user], ["Exit status", task.status || "–"]];
  if (task.progress !== null && task.outcome === "running") rows.push(["Progress", `${task.progress} %`]);
  if (task.mended) rows.push(["Done later", `${time(task.mended.begin)} UTC with success`]);
  for (const [name, value] of rows) list.append(make("dt", {}, name), make("dd", {}, value));
  return list;
}
function logOf(task) {
  if (!task.log.length) return empty(GOOD.has(task.outcome) ? "The log was not read." : "There is no log.");
  const log = make("pre", {tabIndex: 0, ariaLabel: `Log of ${task.title}`});
  for (const line of task.log) {
    const bad = /^(\S+ \S+ )?(ERROR|TASK ERROR|WARN)/.test(line);
    log.append(bad ? make("span", {className: "bad"}, line) : line, "\n");
  }
  return log;
}
function guestsOf(task) {
  if (!task.guests.length) return "";
  const body = make("tbody");
  for (const [vmid, outcome, seconds, why] of task.guests) {
    body.append(make("tr", {}, make("td", {}, String(vmid)), make("td", {}, badge(outcome)), make("td", {className: "number"}, span(seconds)),
      make("td", {}, why || "–")));
  }
  const head = make("tr", {}, ...["Guest", "Outcome", "Duration", "Reason"].map((name) =>
    make("th", {scope: "col", className: name === "Duration" ? "number" : ""}, name)));
  return make("table", {className: "guests"}, make("thead", {}, head), body);
}
const details = (task) => make("div", {className: "body"}, facts(task), guestsOf(task), logOf(task));
function open(task) {
  $("dialog-title").replaceChildren(badge(task.outcome), ` ${task.title}`);
  $("dialog-body").replaceChildren(details(task));
  $("dialog").showModal();
}

/* ---- theme ---- */
const dark = matchMedia("(prefers-color-scheme: dark)");
let theme = "system", printing = false;
const isDark = () => !printing && (theme === "dark" || (theme === "system" && dark.matches));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const outcomeColour = (outcome) => colour(SHADES.has(outcome) ? outcome : "lost");
function paint() {
  document.documentElement.classList.toggle("dark", isDark());
  $("theme").textContent = `Theme: ${theme}`;
}
$("theme").addEventListener("click", () => {
  theme = {system: "light", light: "dark", dark: "system"}[theme];
  paint();
  charts();
});
dark.addEventListener("change", () => { paint(); charts(); });

/* ---- charts ---- */
function draw(id, traces, layout, name) {
  const place = $(id);
  if (!traces.length) {
    Plotly.purge(place);
    delete place.dataset.listens;
    place.replaceChildren(empty("No tasks."));
    place.removeAttribute("role");
    return Promise.resolve();
  }
  if (!place.querySelector(".plot-container")) place.replaceChildren();
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", name);
  const axis = {gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, fixedrange: true, automargin: true};
  const merged = {
    font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("text")},
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: {l: 8, r: 12, t: 8, b: 30}, showlegend: false,
    hoverlabel: {bgcolor: colour("card"), bordercolor: colour("line"), font: {color: colour("text")}, align: "left"},
    bargap: 0.25, ...layout, xaxis: {...axis, ...layout.xaxis}, yaxis: {...axis, ...layout.yaxis},
  };
  if (printing) merged.width = 680;
  return Plotly.react(place, traces, merged, {displayModeBar: false, responsive: true, doubleClick: false}).then(listen);
}
const order = () => data.outcomes.map((name, at) => ({name, at})).filter(({name}) => shown.some((task) => task.outcome === name));

/* The timeline: a row for each guest, node, type or user, in which tasks that overlap have lanes of their own. */
const ROWS = {
  guest: (task) => task.id ? `${task.node} · ${task.id}` : task.node,
  node: (task) => task.node, type: (task) => task.type, user: (task) => task.user,
};
let period = null;
function lanesOf(row) {
  const ends = [];
  for (const task of row.sort((one, other) => one.begin - other.begin)) {
    let lane = ends.findIndex((end) => end <= task.begin);
    if (lane < 0) lane = ends.length < MOST_LANES ? ends.length : ends.indexOf(Math.min(...ends));
    ends[lane] = Math.max(task.end, ends[lane] || 0);
    task.lane = lane;
  }
  return ends.length;
}
function rowsOf(of) {
  const rows = new Map();
  for (const task of shown) {
    const name = of(task);
    if (!rows.has(name)) rows.set(name, []);
    rows.get(name).push(task);
  }
  let names = [...rows.keys()];
  const left = Math.max(0, names.length - MOST_ROWS);
  if (left) {
    const bad = (name) => rows.get(name).filter((task) => BAD.has(task.outcome)).length;
    const weight = new Map(names.map((name) => [name, bad(name) * 1e6 + rows.get(name).length]));
    names.sort((one, other) => weight.get(other) - weight.get(one));
    names = names.slice(0, MOST_ROWS);
  }
  names.sort((one, other) => one.localeCompare(other, "en", {numeric: true}));
  return {rows, names, left};
}
function extentOf(list) {
  let first = Infinity, last = -Infinity;
  for (const task of list) { first = Math.min(first, task.begin); last = Math.max(last, task.end); }
  const margin = Math.max(60e3, (last - first) * 0.01);
  return [first - margin, last + margin];
}
/* Tasks of one outcome that would be next to each other on the screen are one bar, or ten thousand would take seconds. */
function barsOf(list, place, gap) {
  const bars = [], last = new Map();
  for (const task of list) {
    const y = place.get(task), key = `${y} ${task.outcome}`, bar = last.get(key);
    if (bar && task.begin - bar.end < gap && task.end - bar.begin < 5 * gap) {
      bar.end = Math.max(bar.end, task.end);
      bar.tasks.push(task.index);
    } else {
      last.set(key, {y, outcome: task.outcome, begin: task.begin, end: task.end, tasks: [task.index]});
      bars.push(last.get(key));
    }
  }
  return bars;
}
function hoverOf({tasks: indices, outcome, begin, end}) {
  const task = tasks[indices[0]];
  if (indices.length > 1) {
    return `<b>${many(indices.length, "task")}</b>, ${label(outcome)}<br>${time(begin)} to ${time(end)} UTC<br>click to zoom in`;
  }
  const why = task.status && task.status !== "OK" ? `: ${label(task.status)}` : "";
  return `<b>${label(task.title)}</b><br>${label(task.outcome)}${why}<br>${time(begin)} UTC, ${span(task.seconds)}` +
    `<br>${label(task.node)}, ${label(task.user)}`;
}
function timeline() {
  const {rows, names, left} = rowsOf(ROWS[$("rows").value]);
  $("timeline-hint").textContent = "Drag over a period to zoom in, click on a task for its log." +
    (left ? ` The ${MOST_ROWS} rows with the most failures and tasks are shown, ${left} more are not: filter to see them.` : "");
  const ticks = [];
  let height = 0;
  const place = new Map();
  const bands = [];
  for (const name of names) {
    const lanes = lanesOf(rows.get(name));
    if (bands.length * 2 === ticks.length) {
      bands.push({type: "rect", xref: "paper", x0: 0, x1: 1, y0: height - 0.2, y1: height + lanes + 0.2, layer: "below",
        line: {width: 0}, fillcolor: colour("band")});
    }
    for (const task of rows.get(name)) place.set(task, height + task.lane + 0.5);
    ticks.push(height + lanes / 2);
    height += lanes + 0.4;
  }
  const range = period || extentOf(shown), width = range[1] - range[0];
  const near = names.flatMap((name) => rows.get(name)).filter((task) => task.end >= range[0] - width && task.begin <= range[1] + width);
  const traces = order().reverse().map(({name}) => ({name, shade: outcomeColour(name)}));
  let bars;
  for (let gap = width / 2400; gap <= width / 100; gap *= 2) {
    bars = barsOf(near, place, gap);
    if (bars.length <= MOST_BARS) break;
  }
  for (const trace of traces) {
    const list = bars.filter((bar) => bar.outcome === trace.name);
    Object.assign(trace, {
      type: "bar", orientation: "h", width: 0.84, hoverinfo: "text", textposition: "none", customdata: list.map((bar) => bar.tasks),
      base: list.map((bar) => bar.begin), x: list.map((bar) => Math.max(bar.end - bar.begin, width / 400)), y: list.map((bar) => bar.y),
      marker: {color: trace.shade, line: {width: 0}}, hovertext: list.map(hoverOf),
    });
  }
  if (!names.length) return draw("timeline", [], {}, "");
  const pixels = Math.max(8, Math.min(16, 1100 / Math.max(height, 1)));
  return draw("timeline", traces, {
    height: Math.max(150, height * pixels + 60), barmode: "overlay", hovermode: "closest", dragmode: printing ? false : "zoom",
    margin: {l: 8, r: 12, t: 34, b: 8}, hoverdistance: 6, shapes: bands,
    xaxis: {type: "date", side: "top", fixedrange: false, range, hoverformat: "%Y-%m-%d %H:%M:%S"},
    yaxis: {range: [height, -0.4], tickvals: ticks, ticktext: names.map((name) => label(name, 28)), tickfont: {size: pixels < 12 ? 9 : 11}, showgrid: false},
  }, `Timeline of ${many(shown.length, "task")} in ${many(names.length, "row")}. The table below has the same tasks.`);
}
function listen(place) {
  if (place.dataset.listens || !place.on) return;
  place.dataset.listens = "yes";
  place.on("plotly_click", ({points}) => {
    const indices = points[0].customdata;
    if (indices.length === 1) return open(tasks[indices[0]]);
    period = extentOf(indices.map((index) => tasks[index]));
    return timeline();
  });
  place.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((key) => key.startsWith("xaxis.range"))) return;
    period = visible();
    timeline();
  });
}
function visible() {
  const axis = $("timeline").layout && $("timeline").layout.xaxis;
  if (!axis) return null;
  return axis.range.map((end) => typeof end === "number" ? end : Date.parse(/Z$/.test(end) ? end : `${String(end).replace(" ", "T")}Z`));
}
function zoom(how) {
  const range = visible();
  if (!range) return;
  const [from, to] = range, width = to - from, all = extentOf(shown);
  const next = {
    earlier: [from - width / 2, to - width / 2], later: [from + width / 2, to + width / 2], in: [from + width / 4, to - width / 4],
    out: [from - width / 2, to + width / 2], day: [all[1] - DAY, all[1]], week: [all[1] - 7 * DAY, all[1]], all,
  }[how];
  period = next;
  timeline();
}

function days() {
  const [first, last] = shown.length ? extentOf(shown) : [0, 0];
  const step = last - first > 400 * DAY ? 7 * DAY : last - first > 3 * DAY ? DAY : HOUR;
  const traces = order().map(({name}) => {
    const found = counted(shown.filter((task) => task.outcome === name), (task) => Math.floor(task.begin / step) * step);
    const at = [...found.keys()].sort((one, other) => one - other);
    return {
      type: "bar", name, x: at, y: at.map((start) => found.get(start)), width: step * 0.82, offset: step * 0.09,
      marker: {color: outcomeColour(name)}, hoverinfo: "text", textposition: "none",
      hovertext: at.map((start) => `${time(start).slice(0, step < DAY ? 16 : 10)}<br>${many(found.get(start), "task")} ${label(name)}`),
    };
  });
  return draw("days", traces.reverse(), {height: 300, barmode: "stack", xaxis: {type: "date"}, yaxis: {rangemode: "tozero"}},
    `Tasks by ${step < DAY ? "hour" : step > DAY ? "week" : "day"} and outcome`);
}

function rates() {
  const by = $("rate-by").value;
  const judged = shown.filter((task) => GOOD.has(task.outcome) || task.outcome === "failed");
  const names = [...counted(judged, (task) => task[by])].sort(byCount).slice(0, 16).map(([name]) => name).reverse();
  const kinds = ["ok", "warnings", "failed"];
  const counts = new Map(names.map((name) => [name, {ok: 0, warnings: 0, failed: 0, total: 0}]));
  for (const task of judged) {
    const count = counts.get(task[by]);
    if (count) { count[task.outcome] += 1; count.total += 1; }
  }
  const percent = (name, kind) => 100 * counts.get(name)[kind] / counts.get(name).total;
  const traces = names.length ? kinds.map((kind) => ({
    type: "bar", orientation: "h", name: kind, y: names.map((_name, at) => at), x: names.map((name) => percent(name, kind)),
    marker: {color: outcomeColour(kind)}, hoverinfo: "text", textposition: "none",
    hovertext: names.map((name) => `<b>${label(name)}</b><br>${many(counts.get(name)[kind], "task")} ${kind}, ${percent(name, kind).toFixed(1)} %`),
  })) : [];
  const rate = (name) => `${(percent(name, "ok") + percent(name, "warnings")).toFixed(1).replace(".0", "")} %`;
  return draw("rates", traces, {
    height: Math.max(120, names.length * 24 + 44), barmode: "stack", xaxis: {range: [0, 100], ticksuffix: " %"},
    yaxis: {tickvals: names.map((_name, at) => at), ticktext: names.map((name) => `${label(name, 26)}  <b>${rate(name)}</b>`), showgrid: false},
  }, `Success rate by ${by}: ${[...names].reverse().map((name) => `${name} ${rate(name)}`).join(", ")}`);
}

function quartiles(sorted) {
  const at = (share) => {
    const place = share * (sorted.length - 1), low = Math.floor(place);
    return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  };
  return [sorted[0], at(0.25), at(0.5), at(0.75), sorted[sorted.length - 1]];
}
function durations() {
  const ended = shown.filter((task) => task.seconds !== null);
  const groups = new Map();
  for (const task of ended) {
    if (!groups.has(task.type)) groups.set(task.type, []);
    groups.get(task.type).push(Math.max(task.seconds, 0.5));
  }
  const rows = [...groups].sort((one, other) => other[1].length - one[1].length).slice(0, 16)
    .map(([name, list]) => ({name, count: list.length, parts: quartiles(list.sort((one, other) => one - other))}))
    .sort((one, other) => one.parts[2] - other.parts[2]);
  const part = (at) => rows.map((row) => row.parts[at]);
  const traces = rows.length ? [{
    type: "box", orientation: "h", y: rows.map((_row, at) => at), lowerfence: part(0), q1: part(1), median: part(2), q3: part(3), upperfence: part(4),
    line: {color: colour("running"), width: 1.6}, fillcolor: colour("grid"), hoverinfo: "none", whiskerwidth: 0.5, width: 0.55,
  }, {
    type: "scatter", mode: "markers", x: part(2), y: rows.map((_row, at) => at), marker: {size: 9, color: colour("running")}, hoverinfo: "text",
    hovertext: rows.map(({name, count, parts}) => `<b>${label(name)}</b>, ${many(count, "task")}<br>median ${span(parts[2])}` +
      `<br>half between ${span(parts[1])} and ${span(parts[3])}<br>from ${span(parts[0])} to ${span(parts[4])}`),
  }] : [];
  const marks = [1, 10, 60, 600, 3600, 36000, 86400, 864000];
  return draw("durations", traces, {
    height: Math.max(120, rows.length * 26 + 44), hovermode: "closest",
    xaxis: {type: "log", tickvals: marks, ticktext: ["1 s", "10 s", "1 min", "10 min", "1 h", "10 h", "1 d", "10 d"]},
    yaxis: {tickvals: rows.map((_row, at) => at), ticktext: rows.map(({name}) => label(name, 26)), showgrid: false},
  }, `Durations by type: ${rows.map(({name, parts}) => `${name} median ${span(parts[2])}`).join(", ")}`);
}

let drawn = 0;
async function charts() {
  const mine = drawn += 1;
  for (const chart of [timeline, days, rates, durations]) {
    if (mine !== drawn) return;
    await chart();
    if (!printing) await new Promise((done) => setTimeout(done));
  }
  document.documentElement.dataset.ready = String(mine);
}

/* ---- lists ---- */
function cards() {
  const found = counted(shown, (task) => task.outcome), chosen = $("outcome").value;
  const good = (found.get("ok") || 0) + (found.get("warnings") || 0), judged = good + (found.get("failed") || 0);
  const plain = [[shown.length.toLocaleString("en"), "tasks"], [judged ? `${(100 * good / judged).toFixed(1)} %` : "–", "succeeded"]];
  $("cards").replaceChildren(
    ...plain.map(([value, name]) => make("div", {className: "card"}, make("strong", {}, value), name)),
    ...data.outcomes.filter((name) => found.get(name) || name === chosen).map((name) => {
      const card = make("button", {type: "button", className: "card", "aria-pressed": String(name === chosen)},
        make("strong", {}, (found.get(name) || 0).toLocaleString("en")), `${SYMBOLS[name] || "?"} ${name}`);
      card.style.setProperty("--colour", `var(--${SHADES.has(name) ? name : "lost"})`);
      card.addEventListener("click", () => { $("outcome").value = name === chosen ? "" : name; apply(); });
      return card;
    }));
}
let failuresShown = FAILURES;
function failures() {
  const bad = shown.filter((task) => BAD.has(task.outcome));
  const left = bad.filter((task) => !task.mended).length;
  $("failures-title").textContent = bad.length ?
    `Failures (${bad.length.toLocaleString("en")}, of which ${left.toLocaleString("en")} never succeeded since)` : "Failures";
  $("failures").replaceChildren(...(bad.length ? bad.slice(0, failuresShown).map((task) => {
    const summary = make("summary", {}, make("span", {className: "time"}, time(task.begin)), make("span", {}, task.node), make("b", {}, task.title),
      make("span", {className: "why"}, cut(task.status || task.outcome, 300)),
      task.mended ? make("span", {className: "badge ok"}, "✓ succeeded later") : badge(task.outcome));
    const fold = make("details", {}, summary);
    fold.addEventListener("toggle", () => { if (fold.open && fold.children.length === 1) fold.append(details(task)); });
    return fold;
  }) : [empty("None.")]));
  $("more-failures").hidden = bad.length <= failuresShown;
}
function slowest() {
  const list = shown.filter((task) => task.seconds !== null).sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
  if (!list.length) return $("slowest").replaceChildren(empty("No tasks."));
  const body = make("tbody");
  for (const task of list) {
    const bar = make("span", {className: "bar"});
    bar.style.width = `${Math.max(2, 100 * task.seconds / (list[0].seconds || 1))}%`;
    bar.style.setProperty("--colour", `var(--${SHADES.has(task.outcome) ? task.outcome : "lost"})`);
    body.append(make("tr", {}, make("td", {}, task.title, bar), make("td", {}, task.node), make("td", {className: "time"}, time(task.begin).slice(0, 16)),
      make("td", {className: "number"}, span(task.seconds))));
  }
  const head = make("tr", {}, ...["Task", "Node", "Started", "Duration"].map((name) => make("th", {scope: "col", className: name === "Duration" ? "number" : ""}, name)));
  return $("slowest").replaceChildren(make("div", {className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Table of the slowest tasks"},
    make("table", {}, make("thead", {}, head), body)));
}

/* ---- table ---- */
const COLUMNS = [
  {name: "Started", key: (task) => task.begin, cell: (task) => time(task.begin), className: "time"},
  {name: "Duration", key: (task) => task.seconds ?? -1, cell: (task) => span(task.seconds), className: "number"},
  {name: "Node", key: (task) => task.node, cell: (task) => task.node},
  {name: "Task", key: (task) => task.title, cell: (task) => task.title, className: "title"},
  {name: "User", key: (task) => task.user, cell: (task) => task.user},
  {name: "Outcome", key: (task) => data.outcomes.indexOf(task.outcome), cell: (task) => badge(task.outcome)},
  {name: "Exit status", key: (task) => task.status, cell: (task) => cut(task.status || "–", 300), className: "clip"},
];
let sorted = {column: 0, down: true}, page = 0;
function heads() {
  const cells = COLUMNS.map((column, at) => {
    const button = make("button", {type: "button"}, column.name);
    button.addEventListener("click", () => {
      sorted = {column: at, down: sorted.column === at ? !sorted.down : at < 2};
      page = 0;
      table();
      $("tasks").tHead.rows[0].cells[at].firstChild.focus();
    });
    return make("th", {scope: "col", className: column.className === "number" ? "number" : "",
      "aria-sort": sorted.column === at ? (sorted.down ? "descending" : "ascending") : "none"}, button);
  });
  $("tasks").tHead.rows[0].replaceChildren(...cells, make("th", {scope: "col"}, make("span", {className: "hidden"}, "Details")));
}
function rowOf(task) {
  const row = make("tr", {}, ...COLUMNS.map((column) => make("td", {className: column.className || ""}, column.cell(task))));
  const button = make("button", {type: "button", ariaExpanded: "false", ariaLabel: `Details of ${task.title}, ${time(task.begin)}`}, "Details");
  button.addEventListener("click", () => {
    const unfolded = button.ariaExpanded === "true";
    button.ariaExpanded = String(!unfolded);
    if (unfolded) row.nextSibling.remove();
    else row.after(make("tr", {className: "more"}, make("td", {colSpan: COLUMNS.length + 1}, details(task))));
  });
  row.append(make("td", {}, button));
  return row;
}
function table() {
  heads();
  const {key} = COLUMNS[sorted.column], sign = sorted.down ? -1 : 1;
  const keys = new Map(shown.map((task) => [task, key(task)]));
  const list = [...shown].sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    return a < b ? -sign : a > b ? sign : one.index - other.index;
  });
  const size = printing ? MOST_PRINTED : PAGE, pages = Math.max(1, Math.ceil(list.length / size));
  page = Math.min(page, pages - 1);
  const first = page * size, last = Math.min(list.length, first + size);
  $("tasks").tBodies[0].replaceChildren(...list.slice(first, last).map(rowOf));
  $("page").textContent = list.length ? `${(first + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${list.length.toLocaleString("en")}` : "No tasks";
  $("previous").disabled = page === 0;
  $("next").disabled = page >= pages - 1;
  $("tasks-title").textContent = printing && pages > 1 ? `Tasks (the first ${last} of ${list.length})` : "Tasks";
}

/* ---- filters ---- */
const FIELDS = ["search", "node", "type", "user", "outcome", "from", "to"];
function choices(id, of) {
  for (const [name, count] of [...counted(tasks, of)].sort((one, other) => one[0].localeCompare(other[0], "en", {numeric: true}))) {
    $(id).append(make("option", {value: name}, `${name} (${count})`));
  }
}
const moment = (id) => $(id).value ? Date.parse(`${$(id).value}Z`) : null;
function apply() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const from = moment("from"), to = moment("to");
  const equal = ["node", "type", "user", "outcome"].map((name) => [name, $(name).value]).filter(([, value]) => value);
  shown = tasks.filter((task) => equal.every(([name, value]) => task[name] === value) && (from === null || task.end >= from) &&
    (to === null || task.begin <= to) && words.every((word) => task.words.includes(word)));
  page = 0;
  period = null;
  failuresShown = FAILURES;
  $("count").textContent = shown.length === tasks.length ? `All ${many(tasks.length, "task")} are shown.` :
    `${many(shown.length, "task")} of ${tasks.length.toLocaleString("en")} ${shown.length === 1 ? "is" : "are"} shown.`;
  const chosen = new URLSearchParams(FIELDS.filter((id) => $(id).value).map((id) => [id, $(id).value]));
  try { history.replaceState(null, "", chosen.size ? `#${chosen}` : location.pathname + location.search); } catch { /* not allowed here */ }
  cards(); failures(); slowest(); table();
  return charts();
}
let waiting;
$("filter").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 150); });
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("filter").addEventListener("reset", () => setTimeout(apply));
$("more-failures").addEventListener("click", () => { failuresShown += 4 * FAILURES; failures(); });
$("previous").addEventListener("click", () => { page -= 1; table(); });
$("next").addEventListener("click", () => { page += 1; table(); });
$("rows").addEventListener("change", () => { period = visible(); timeline(); });
$("rate-by").addEventListener("change", rates);
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(button.dataset.zoom));
$("narrow").addEventListener("click", () => {
  const range = visible();
  if (!range) return;
  [$("from").value, $("to").value] = range.map((end) => new Date(end).toISOString().slice(0, 16));
  apply();
});
$("close").addEventListener("click", () => $("dialog").close());
$("dialog").addEventListener("click", (event) => { if (event.target === $("dialog")) $("dialog").close(); });

/* ---- print ---- */
let unfolded = [];
addEventListener("beforeprint", () => {
  printing = true;
  paint();
  unfolded = [...document.querySelectorAll("#failures details:not([open])")];
  for (const fold of unfolded) {
    fold.open = true;
    fold.dispatchEvent(new Event("toggle"));
  }
  table();
  charts();
});
addEventListener("afterprint", () => {
  printing = false;
  paint();
  for (const fold of unfolded) fold.open = false;
  table();
  charts();
});
$("print").addEventListener("click", () => print());

/* ---- start ---- */
choices("node", (task) => task.node);
choices("type", (task) => task.type);
choices("user", (task) => task.user);
choices("outcome", (task) => task.outcome);
if (tasks.length) {
  const [first, last] = [tasks[tasks.length - 1].begin, tasks[0].begin];
  $("extent").prepend(`${many(tasks.length, "task")} from ${time(first)} to ${time(last)} UTC. `);
}
const given = new URLSearchParams(location.hash.slice(1));
for (const id of FIELDS) if (given.has(id)) $(id).value = given.get(id);
if (rowsOf(ROWS.guest).left) $("rows").value = "node";
paint();
apply();
})();
