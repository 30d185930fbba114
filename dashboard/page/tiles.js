import { clock, duration, element, exactPercent, figure, instant, percent, renderIfChanged } from "./format.js";

const svg = "http://www.w3.org/2000/svg";
const servedOf = ({ memory, table, upstream, api }) => memory + table + upstream + api;
const sum = (steps, of) => steps.reduce((total, step) => total + of(step), 0);

/** The figures at the top of the page: first, in red, what callers notice. */
export function showTiles(node, data, range) {
  const { traffic } = data;
  const all = [...(traffic ? [failedTile(data, range), ...trafficTiles(traffic, range)] : []), endTile(data)];
  const tiles = all.filter((tile) => tile !== undefined).toSorted((one, other) => isBad(other) - isBad(one));
  if (node.children.length !== tiles.length)
    node.replaceChildren(...tiles.map(() => element("div", { className: "tile" })));
  tiles.forEach((tile, at) => {
    node.children[at].classList.toggle("bad", isBad(tile));
    renderIfChanged(node.children[at], tile, () => render(tile));
  });
}

const isBad = ({ bad = false }) => Number(bad);

/** The requests that got an error which is not the caller's; `undefined` if none did. */
function failedTile({ now, traffic: { steps, end, stepSeconds } }, range) {
  const failed = sum(steps, (step) => step.failed);
  if (failed === 0) return undefined;
  const since = steps.length - 1 - steps.findLastIndex((step) => step.failed > 0);
  const over = duration(range);
  return {
    bad: true,
    value: `${figure(failed)} failed`,
    text: `requests whose callers got an error, ${over} · the last before ${clock(Math.min(now, end - since * stepSeconds), now)}`,
    label: `Failed requests, ${over}: ${failed}`,
    bars: steps.map((step) => [["bad", step.failed]]),
  };
}

function trafficTiles({ steps, requestsPerSecond }, range) {
  const served = sum(steps, servedOf);
  const failed = sum(steps, (step) => step.failed);
  const missed = sum(steps, (step) => step.missed);
  const refused = sum(steps, (step) => step.refused);
  const [calls, callsFailed] = [sum(steps, (step) => step.calls), sum(steps, (step) => step.callsFailed)];
  const sources = [
    ["memory", sum(steps, (step) => step.memory)],
    ["the table", sum(steps, (step) => step.table)],
    ["Smart Services", sum(steps, (step) => step.upstream)],
    ["the business API", sum(steps, (step) => step.api)],
  ].filter(([, count]) => count > 0);
  const over = duration(range);
  return [
    {
      value: `${figure(requestsPerSecond)}/s`,
      text:
        served === 0
          ? `requests · none was served in ${over}`
          : `requests · ${sources.map(([source, count]) => `${percent(count, served)} from ${source}`).join(", ")}`,
      label: `Requests, ${over}: ${served} served, ${failed + refused} with an error`,
      bars: steps.map((step) => [
        ["memory", step.memory],
        ["table", step.table],
        ["upstream", step.upstream],
        ["call", step.api],
        ["bad", step.failed + step.refused],
      ]),
    },
    {
      value: served + failed === 0 ? "–" : exactPercent(served - missed, served + failed),
      text: `answered with a valid token, ${over}${missed > 0 ? ` · ${missed} with too little time left` : ""}`,
      label: `Validity objective, ${over}: ${served - missed} of ${served + failed} requests`,
      bars: steps.map((step) => {
        const all = servedOf(step) + step.failed;
        const good = all === 0 ? 0 : (servedOf(step) - step.missed) / all;
        return [
          ["memory", good],
          ["warn", all === 0 ? 0 : 1 - good],
        ];
      }),
    },
    {
      value: figure(calls),
      text: `calls to Smart Services, ${over} · ${callsFailed} failed`,
      label: `Calls to Smart Services, ${over}: ${calls}, ${callsFailed} of them failed`,
      bars: steps.map((step) => [
        ["call", step.calls - step.callsFailed],
        ["bad", step.callsFailed],
      ]),
    },
  ];
}

const isFailing = ({ state }) => ["retrying", "rejected", "expired", "not_ready"].includes(state);

/** The first token whose replacement fails: until its end, no caller notices. */
function endTile({ now, connections }) {
  const ending = connections
    .map((view) => ({ view, end: instant(view.status?.access_token_expires_at) }))
    .filter(({ end }) => end !== undefined && end > now)
    .toSorted((one, other) => one.end - other.end);
  const first = ending.find(({ view }) => isFailing(view));
  const without = connections.filter(
    (view) => isFailing(view) && !(instant(view.status?.access_token_expires_at) > now),
  ).length;
  return {
    bad: without > 0,
    value: without > 0 ? `${without} without` : first ? clock(first.end, now) : "–",
    text:
      without > 0
        ? "a valid token: their callers get errors now"
        : first
          ? `first token to end without a replacement (${first.view.connection})`
          : "no token ends without a replacement",
    label: `Remaining time of the ${Math.min(40, ending.length)} tokens that end first`,
    bars: ending.slice(0, 40).map(({ view, end }) => [[isFailing(view) ? "bad" : "memory", Math.round(end - now)]]),
  };
}

function render({ value, text, label, bars }) {
  const highest = Math.max(...bars.map((parts) => parts.reduce((total, [, size]) => total + size, 0)), 1e-9);
  const chart = document.createElementNS(svg, "svg");
  chart.setAttribute("viewBox", `0 0 ${Math.max(bars.length, 12) * 10} 100`);
  chart.setAttribute("preserveAspectRatio", "none");
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", label);
  bars.forEach((parts, at) => {
    let top = 100;
    for (const [kind, size] of parts) {
      const height = (100 * size) / highest;
      if (height <= 0) continue;
      // Also a single failure among thousands must be visible.
      const shown = Math.max(height, kind === "bad" || kind === "warn" ? 4 : 1);
      top -= shown;
      const rectangle = document.createElementNS(svg, "rect");
      const box = { x: at * 10 + 1, y: Math.max(0, top), width: 8, height: shown, class: kind };
      for (const [name, number] of Object.entries(box)) rectangle.setAttribute(name, String(number));
      chart.append(rectangle);
    }
  });
  return [element("strong", {}, value), element("p", {}, text), chart];
}
