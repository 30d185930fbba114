import { badge, element, stateName, write } from "./format.js";
import { lane, past, ticks } from "./lanes.js";

const list = document.getElementById("connections");
const rows = new Map();
let time = { now: 0, range: 7200 };
let select = () => undefined;

/** Rows outside the window are drawn when they come into view: 1,000 connections cost as much as a screen of them. */
const visible = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rows.get(target.dataset.connection);
      if (!row) continue;
      row.isVisible = isIntersecting;
      if (isIntersecting) draw(row);
    }
  },
  { rootMargin: "200px" },
);

/** @param {(connection: string) => void} onSelect */
export function startList(onSelect) {
  select = onSelect;
  list.style.setProperty("--now", `${past * 100}%`);
  list.addEventListener("click", ({ target }) => {
    const row = target.closest("li");
    if (row) select(row.dataset.connection);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const shown = [...list.children].filter((row) => !row.hidden);
    const next = shown[shown.indexOf(event.target.closest("li")) + step];
    if (!next) return;
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("button").focus();
    select(next.dataset.connection);
  });
}

/** Shows the connections in this order. `accepts` says which of them. Returns how many are shown. */
export function showList(connections, selected, accepts, at) {
  time = at;
  document.querySelector("#lanes .ticks").replaceChildren(...ticks(time));
  const known = new Set(connections.map(({ connection }) => connection));
  for (const [connection, { node }] of rows) {
    if (known.has(connection)) continue;
    visible.unobserve(node);
    node.remove();
    rows.delete(connection);
  }
  const focused = document.activeElement?.closest?.("#connections li");
  let shown = 0;
  let next = list.firstElementChild;
  for (const view of connections) {
    const row = rows.get(view.connection) ?? newRow(view.connection);
    row.view = view;
    row.node.hidden = !accepts(view);
    shown += row.node.hidden ? 0 : 1;
    const isSelected = view.connection === selected;
    row.node.classList.toggle("selected", isSelected);
    row.button.setAttribute("aria-pressed", String(isSelected));
    row.button.tabIndex = isSelected ? 0 : -1;
    if (next === row.node) next = next.nextElementSibling;
    else list.insertBefore(row.node, next);
    if (row.isVisible) draw(row);
  }
  // A row that moves loses the focus.
  if (focused && document.activeElement !== focused) focused.querySelector("button")?.focus({ preventScroll: true });
  const first = list.querySelector("li:not([hidden]) button");
  if (first && !list.querySelector("li:not([hidden]) button[tabindex='0']")) first.tabIndex = 0;
  return shown;
}

function newRow(connection) {
  const button = element("button", { type: "button", className: "name" }, connection);
  const [state, sentence] = [badge(""), element("p", { className: "sentence" })];
  const node = element(
    "li",
    { "data-connection": connection },
    element("div", { className: "who" }, button, " ", state, sentence),
    element("div", { className: "lane" }),
  );
  const row = { node, button, state, sentence, isVisible: false, view: undefined };
  rows.set(connection, row);
  visible.observe(node);
  return row;
}

function draw({ node, state, sentence, view }) {
  state.dataset.state = view.state;
  write(state, stateName(view.state));
  if (sentence.textContent !== view.sentence) {
    // The cause in bold, then its consequence and the next step.
    const [cause = ""] = /^.+?\.(?= |$)/.exec(view.sentence) ?? [];
    const isFine = ["fresh", "due", "no_token"].includes(view.state);
    sentence.replaceChildren(
      ...(isFine ? [view.sentence] : [element("strong", {}, cause), view.sentence.slice(cause.length)]),
    );
  }
  node.lastElementChild.replaceWith(lane(view, time));
}
