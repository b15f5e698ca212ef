// A chart of figures over time. The library that draws it is fetched when the first chart is shown.

import { html, useEffect, useRef, useState } from "./base.js";

const HEIGHT = 150;
let library;

/** `at` with every step from `from` to `to`, and each column beside it; what is not there is `missing`. */
export function steps(at, columns, step, from, to, missing = null) {
  const places = new Map(at.map((time, place) => [time, place]));
  const times = [];
  for (let time = from - (from % step); time <= to; time += step) times.push(time);
  return [times, ...columns.map((column) => times.map((time) => (places.has(time) ? column[places.get(time)] : missing)))];
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * `lines`: `{name, values}`, as long as `times` (Unix seconds) each; `show` makes text of a value. Under the pointer it tells the
 * values there, else the newest; who does not see it reads the newest and the largest.
 */
export function Chart({ title, times, lines, show }) {
  const box = useRef(null);
  const [under, setUnder] = useState(null);
  useEffect(() => {
    let plot;
    let gone = false;
    const draw = async () => {
      library ??= import("../vendor/uplot.js");
      const { default: uPlot } = await library;
      if (gone) return;
      const grid = { stroke: color("--line"), width: 1 };
      const axis = { stroke: color("--dim"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
      const strokes = [color("--accent"), color("--second"), color("--third")];
      plot?.destroy();
      plot = new uPlot({
        width: box.current.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
        scales: { y: { range: (self, least, most) => [0, most > 0 ? most * 1.1 : 1] } },
        axes: [{ ...axis, values: [[86400, "{D} {MMM}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1]] },
          { ...axis, size: 78, values: (self, ticks) => ticks.map(show) }],
        series: [{}, ...lines.map((line, at) => ({ label: line.name, stroke: strokes[at], width: 1.5, points: { show: false }, fill: lines.length === 1 ? `color-mix(in srgb, ${strokes[at]} 14%, transparent)` : undefined }))],
        hooks: { setCursor: [(self) => setUnder(self.cursor.idx ?? null)] },
      }, [times, ...lines.map((line) => line.values)], box.current);
    };
    draw();
    const fit = new ResizeObserver(() => plot && plot.setSize({ width: box.current.clientWidth, height: HEIGHT }));
    fit.observe(box.current);
    // Canvases do not follow a change of colours by themselves.
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      gone = true;
      fit.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [times, lines]);
  const place = under ?? times.length - 1;
  const newest = (values) => values.findLast((value) => value != null);
  const said = lines.map((line) => {
    const there = line.values.filter((value) => value != null);
    return there.length ? `${line.name}: ${show(newest(line.values))}, at most ${show(Math.max(...there))}` : `${line.name}: no figures yet`;
  });
  return html`<figure class="chart"><figcaption><span class="title">${title}</span> ${lines.map((line, at) => html`<span class=${"key key-" + at}>${lines.length > 1 ? line.name + " " : ""}<b>${
    (under == null ? newest(line.values) : line.values[place]) == null ? "–" : show(under == null ? newest(line.values) : line.values[place])}</b></span>`)}</figcaption>
    <div ref=${box} role="img" aria-label=${`${title}. ${said.join("; ")}.`}></div></figure>`;
}
