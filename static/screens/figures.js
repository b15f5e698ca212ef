// The figures of the server: now, and over an hour, a day or a month.

import { call } from "../api.js";
import { alert, bytes, card, html, number, tiles, useEffect, useMemo, useState } from "../ui/base.js";
import { Chart, steps } from "../ui/chart.js";
import { serverFrame, subparts } from "../ui/frames.js";

const SPANS = { hour: ["Hour", 3600], day: ["Day", 24 * 3600], month: ["Month", 31 * 24 * 3600] };
/** Milliseconds after which the figures are asked for anew; hours change more slowly than minutes. */
const AGAIN = 15_000;

const few = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 });
const millis = (value) => `${few(value)} ms`;
const size = (value) => bytes(value);

/** What is drawn: a title, columns with their names, and how a value is read. Counts are told by the minute. */
const CHARTS = [
  ["Messages a minute", [["messages", "Messages"]], few, true], ["Deliveries a minute", [["deliveries", "Deliveries"]], few, true],
  ["Requests a minute", [["requests", "Requests"]], few, true], ["A commit with its sync", [["commitMillis", "Commit"]], millis],
  ["People online and connections", [["online", "Online"], ["sockets", "Connections"]], few], ["Writes that wait", [["queued", "Queued"]], few],
  ["On disk", [["databaseBytes", "Database"], ["walBytes", "WAL"], ["mediaBytes", "Files"]], size], ["Memory", [["memoryBytes", "Memory"]], size],
  ["Messages that wait for the search index", [["searchBacklog", "Waiting"]], few],
];

export async function show(span = "hour") {
  const which = SPANS[span] ? span : "hour";
  const nav = subparts("Spans", Object.entries(SPANS).map(([key, [text]]) => [text, `#/figures/${key}`, key === which]));
  const first = await load(SPANS[which][1]);
  return serverFrame("figures", "Figures", [nav, html`<${Figures} span=${SPANS[which][1]} first=${first} />`]);
}

async function load(span) {
  const to = Math.floor(Date.now() / 1000);
  const [{ data: series }, { data: server }] = await Promise.all([call("GET", `series?since=${to - span}`), call("GET", "overview")]);
  const names = CHARTS.flatMap(([, columns]) => columns.map(([key]) => key));
  const [times, ...columns] = steps(series.at, names.map((key) => series[key]), series.step, Math.max(series.since, series.at[0] ?? to), to);
  return { server, times, step: series.step, columns: Object.fromEntries(names.map((key, at) => [key, columns[at]])) };
}

function Figures({ span, first }) {
  const [{ server, times, step, columns }, setShown] = useState(first);
  const [error, setError] = useState("");
  useEffect(() => {
    const timer = setInterval(async () => {
      if (document.hidden) return;
      try {
        setShown(await load(span));
        setError("");
      } catch (refusal) {
        setError(refusal.message);
      }
    }, AGAIN);
    return () => clearInterval(timer);
  }, []);
  const { now } = server;
  return html`${tiles([["Messages a second", few(now.messagesPerSecond)], ["Deliveries a second", few(now.deliveriesPerSecond)], ["Requests a second", few(now.requestsPerSecond)],
    ["Commit", now.commitMillis == null ? "none yet" : millis(now.commitMillis)], ["Online", number(now.online)], ["Connections", number(server.connections)],
    ["Waiting writes", number(now.queued)], ["Search backlog", number(now.searchBacklog)], ["Database", size(now.databaseBytes)], ["WAL", size(now.walBytes)],
    ["Files", size(now.mediaBytes)], ["Memory", size(now.memoryBytes)]])}${alert(error)}
    ${card(null, times.length > 1 ? html`<div class="charts">${CHARTS.map((chart) => html`<${Drawn} key=${chart[0]} chart=${chart} times=${times} step=${step} columns=${columns} />`)}</div>`
    : html`<p class="empty">A figure is kept each minute: there will be charts in two.</p>`)}`;
}

/** A chart whose lines stay the same while the figures do, so that it is drawn anew only for new ones. */
function Drawn({ chart: [title, shown, show, counted], times, step, columns }) {
  const byMinute = (values) => values.map((value) => (value == null ? null : (value * 60) / step));
  const lines = useMemo(() => shown.map(([key, name]) => ({ name, values: counted ? byMinute(columns[key]) : columns[key] })), [times]);
  return html`<${Chart} title=${title} times=${times} lines=${lines} show=${show} />`;
}
