// Draws the hour that the page links to, and goes on with the point that each update brings.
"use strict";
(() => {
  const charts = document.querySelector(".charts");
  if (!charts || !window.uPlot) return;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seconds = (value) => value == null ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
  const plain = (value) => value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 });
  // Which columns of a point a chart shows, and how a value is written.
  // Steps of an axis are such as are written exactly: no two ticks have the same label.
  const powers = (least) => Array.from({ length: 12 }, (_one, power) => [1, 2, 5].map((digit) => digit * 10 ** (power + least))).flat();
  const shown = {
    rates: { columns: [1, 2, 3], written: plain, steps: powers(-1) },
    waiting: { columns: [4], written: plain, steps: powers(0) },
    parked: { columns: [5], written: plain, steps: powers(0) },
    latency: { columns: [6, 7, 8], written: seconds, steps: powers(-2) },
  };
  const MINUTES = [60, 120, 300, 600, 900, 1800];
  const dashes = [[], [6, 4], [2, 3]];
  // A system that has just been started shows its first minutes, and not an empty hour.
  const HOUR = 3600, LEAST = 300, STEP = 10, HEIGHT = 180;
  let points = [], drawn = [];

  const columns = (wanted) => [0, ...wanted].map((column) => points.map((point) => point[column]));

  const options = (name, width) => {
    const axis = { stroke: style("--soft"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    return {
      width, height: HEIGHT, padding: [6, 12, 0, 0], legend: { show: false }, cursor: { show: false }, select: { show: false },
      tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "UTC"),
      scales: {
        x: { range: () => { const end = points.length ? points[points.length - 1][0] : Date.now() / 1000; return [Math.max(end - HOUR, Math.min(points.length ? points[0][0] : end, end - LEAST)), end]; } },
        y: { range: (_plot, _low, high) => [0, Math.max(high || 0, name === "latency" ? 0.1 : 1) * 1.1] },
      },
      axes: [
        { ...axis, size: 28, incrs: MINUTES, values: (_plot, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(11, 16)) },
        { ...axis, size: 62, space: 20, incrs: shown[name].steps, values: (_plot, ticks) => ticks.map(shown[name].written) },
      ],
      series: [{}, ...shown[name].columns.map((_column, index) => ({
        stroke: style(`--series-${index + 1}`), width: 2, dash: dashes[index], points: { size: 4 },
      }))],
    };
  };

  const draw = () => {
    drawn.forEach(({ plot }) => plot.destroy());
    charts.classList.add("drawn");
    drawn = [...charts.querySelectorAll("figure")].map((figure) => {
      const name = figure.dataset.chart, place = figure.querySelector(".plot");
      return { name, place, plot: new uPlot(options(name, place.clientWidth), columns(shown[name].columns), place) };
    });
  };

  const add = (point) => {
    const last = points[points.length - 1];
    if (last && point[0] <= last[0]) return;
    if (last && Math.floor(last[0] / STEP) === Math.floor(point[0] / STEP)) points.pop();
    points.push(point);
    while (points[0][0] < point[0] - HOUR) points.shift();
    drawn.forEach(({ name, plot }) => plot.setData(columns(shown[name].columns)));
  };

  fetch(charts.dataset.history).then((answer) => answer.ok ? answer.json() : []).then((history) => {
    points = history;
    draw();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    new ResizeObserver(() => drawn.forEach(({ place, plot }) => {
      if (place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: HEIGHT });
    })).observe(charts);
    document.addEventListener("htmx:sse:after:message", () => {
      const told = document.getElementById("point");
      if (told) add(JSON.parse(told.dataset.point));
    });
  });
})();
