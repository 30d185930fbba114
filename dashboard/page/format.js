/** A duration for people, as `broker status` writes it. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes === 60) return "1 hour";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} hours`;
  return `${Math.round(minutes / 60 / 24)} days`;
}

/**
 * The time of day in UTC, as `broker status` writes it: `10:47Z`; with its date if that is not today: `24 Nov, 10:47Z`.
 * @param {number} at epoch seconds @param {number} now epoch seconds
 */
export function clock(at, now) {
  const date = new Date(at * 1000);
  const time = `${date.toLocaleTimeString("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" })}Z`;
  const dayOf = (one) => one.toUTCString().slice(0, 16);
  if (dayOf(date) === dayOf(new Date(now * 1000))) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })}, ${time}`;
}

/** Epoch seconds of an ISO instant; `undefined` without one. @param {string | undefined} iso */
export const instant = (iso) => (iso === undefined ? undefined : Date.parse(iso) / 1000);

/** A number with few digits. @param {number} value */
export const figure = (value) =>
  value.toLocaleString("en-GB", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });

/** A share of a whole, exact to 0.01 %. 100 % means all. @param {number} part @param {number} whole */
export const exactPercent = (part, whole) => `${Math.floor((10_000 * part) / whole) / 100} %`;

/** A share of a whole. 100 % means all, 0 % none. @param {number} part @param {number} whole */
export function percent(part, whole) {
  const rounded = Math.round((100 * part) / whole);
  if (part > 0 && rounded === 0) return "under 1 %";
  return `${part < whole ? Math.min(99, rounded) : rounded} %`;
}

/** Makes an element. @param {string} tag @param {object} [properties] @param {(Node | string)[]} children */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role" || name.startsWith("data-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Replaces a text only if it differs, so that a screen reader does not repeat it. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Replaces the content of an element only if the data behind it has changed, so that focus and selection stay.
 * @param {HTMLElement} node @param {unknown} data @param {() => (Node | string)[]} render
 */
export function renderIfChanged(node, data, render) {
  const seen = JSON.stringify(data);
  if (node.dataset.seen === seen) return;
  node.dataset.seen = seen;
  node.replaceChildren(...render());
}

/** The state of a connection, in words. @param {string} state */
export const stateName = (state) => (state === "no_token" ? "no token yet" : state.replaceAll("_", " "));

/** A badge with a state. @param {string} state */
export const badge = (state, text = stateName(state)) =>
  element("span", { className: "badge", "data-state": state }, text);
