// Reads the data of the page again and again, and shows it. It receives no secret.
import { showControls } from "./controls.js";
import { showErrors, showEvents } from "./feed.js";
import { element, renderIfChanged, stateName, write } from "./format.js";
import { showInspector } from "./inspector.js";
import { showList, startList } from "./list.js";
import { showTiles } from "./tiles.js";

const byId = (id) => document.getElementById(id);
const startAgain = "start it again (npm start, or npx broker dashboard), and open the URL that it prints.";
const noAnswer = `No response. The page shows what it read last. If this stays, ${startAgain}`;
/** So few lanes leave room for the events below them. */
const few = 5;
let data;
let selected;
let timer;
/** The text of the last reading that failed. */
let failure;

const message = (text) => write(byId("message"), text);

/** Sends an action, shows what it did, and reads again. */
async function act(action, body) {
  // Hundreds of connections take seconds.
  message("Working …");
  try {
    const response = await fetch(`_dashboard/${action}`, { method: "POST", body: JSON.stringify(body) });
    const text = said(response, await response.json());
    message(response.ok ? text : `The action failed: ${text}. Press the button again to retry.`);
  } catch {
    message(noAnswer);
  }
  await refresh();
}

/** What the server said, without its last full stop if it is an error. */
function said({ ok, status }, { message: text }) {
  return ok ? text : `${String(text ?? "no reason given").replace(/\.$/, "")} (HTTP ${status})`;
}

function show() {
  if (!data) return;
  const { connections, source, problems, controls } = data;
  const [find, state] = [byId("find").value.trim().toLowerCase(), byId("state").value];
  const accepts = (view) =>
    (state === "" || view.state === state) &&
    (find === "" || view.connection.includes(find) || view.sentence.toLowerCase().includes(find));
  // Until one is chosen, the worst one is inspected.
  const inspected = connections.find(({ connection }) => connection === selected) ?? connections[0];
  write(byId("source"), source.name);
  document.title = titleOf(connections, source);
  renderIfChanged(byId("problems"), problems, () => problems.map((text) => element("li", {}, text)));
  showStates(connections);
  document.querySelector(".columns").classList.toggle("few", connections.length <= few);
  const range = Number(byId("range").value);
  showTiles(byId("tiles"), data, range);
  const shown = showList(connections, inspected?.connection, accepts, { now: data.now, range });
  write(byId("shown"), shown === connections.length ? `· ${shown}` : `· ${shown} of ${connections.length}`);
  showInspector(byId("inspector"), inspected, data, act);
  showErrors(byId("errors"), data.traffic);
  showEvents(byId("events"), data.events, "The events are not available.");
  showControls(byId("controls"), controls, act);
}

const isBad = (state) => ["expired", "rejected", "not_ready", "retrying"].includes(state);

function titleOf(connections, { name }) {
  const bad = connections.filter(({ state }) => isBad(state)).length;
  return `${bad > 0 ? `(${bad}) ` : ""}Smart Token Broker, ${name}`;
}

/** A button for each state, which filters by it, and the same states in the list. */
function showStates(connections) {
  const counts = new Map();
  for (const { state } of connections) counts.set(state, (counts.get(state) ?? 0) + 1);
  const select = byId("state");
  renderIfChanged(byId("states"), [[...counts], select.value], () =>
    [...counts].map(([state, count]) => {
      const isOn = select.value === state;
      const button = element(
        "button",
        {
          type: "button",
          className: "badge",
          "data-state": state,
          "aria-pressed": String(isOn),
          title: "Show only these",
        },
        `${count} ${stateName(state)}`,
      );
      button.addEventListener("click", () => {
        select.value = isOn ? "" : state;
        show();
      });
      return element("li", {}, button);
    }),
  );
  const known = new Set([...select.options].map(({ value }) => value));
  for (const state of counts.keys()) {
    if (!known.has(state)) select.append(element("option", { value: state }, stateName(state)));
  }
}

/** Reads the data and shows it. Returns what failed, with the next step; `undefined` if nothing did. */
async function read() {
  let body;
  try {
    const response = await fetch(`_dashboard/data?range=${byId("range").value}`);
    body = await response.json();
    if (!response.ok) {
      return `The server cannot read the data: ${said(response, body)}. The page shows what it read last, and reads again. If this stays, ${startAgain}`;
    }
  } catch {
    return noAnswer;
  }
  const last = data;
  try {
    // On the local run everything is minutes old. A deployment has a past.
    if (!data && body.source.kind === "deployment") byId("range").value = "7200";
    data = body;
    show();
    return undefined;
  } catch (error) {
    data = last;
    return `The page cannot show the data (${String(error)}). Reload it: the server may be of another version.`;
  }
}

async function refresh() {
  clearTimeout(timer);
  const before = failure;
  failure = await read();
  if (failure) message(failure);
  else if (before && byId("message").textContent === before) message("");
  // A hidden page reads nothing: on a deployment each reading costs.
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => void refresh(), 1000 * (data?.source.refreshSeconds ?? 1));
}

startList((connection) => {
  selected = connection;
  show();
});
byId("find").addEventListener("input", show);
byId("state").addEventListener("change", show);
byId("range").addEventListener("change", () => void refresh());
document.addEventListener("visibilitychange", () => void refresh());
document.addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    byId("find").focus();
  }
  if (event.key === "Escape" && event.target === byId("find")) {
    byId("find").value = "";
    show();
  }
});
void refresh();
