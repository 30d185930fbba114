// Reads the data of the page again and again, and shows it. It receives no secret.
import { showControls } from "./controls.js";
import { showErrors, showEvents } from "./feed.js";
import { clock, element, renderIfChanged, stateName, write } from "./format.js";
import { showInspector } from "./inspector.js";
import { showList, startList } from "./list.js";
import { showTiles } from "./tiles.js";

const byId = (id) => document.getElementById(id);
const startAgain = "start it again (npm start, or npx broker dashboard), and open the URL that it prints.";
/** Seconds until a request has failed. On a deployment, a reading waits up to 30 s for AWS, and an action longer. */
const patience = { read: () => 10 + 3 * (data?.source.refreshSeconds ?? 10), action: 60 };
/** So few lanes leave room for the notices below them. */
const few = 5;
let data;
let selected;
let timer;

const now = () => Date.now() / 1000;
const message = (text) => write(byId("message"), text);
/** How old the page is, for a reading that failed. */
const age = () =>
  data
    ? `The page shows what it read at ${clock(data.now, now())}, which may be wrong now.`
    : "The page has not read anything yet.";
const noAnswer = () => `No response. ${age()} If this stays, ${startAgain}`;

/** Options of a request that ends after this time: a server that was stopped keeps its connections. */
function withLimit(seconds, more = {}) {
  const limit = new AbortController();
  setTimeout(() => limit.abort(), 1000 * seconds);
  return { ...more, signal: limit.signal };
}

/** Sends an action, shows what it did, and reads again. */
async function act(action, body) {
  // Hundreds of connections take seconds.
  message("Working …");
  try {
    const request = withLimit(patience.action, { method: "POST", body: JSON.stringify(body) });
    const response = await fetch(`_dashboard/${action}`, request);
    const text = said(response, await response.json());
    notice(response.ok ? text : `The action failed: ${text}. Press the button again to retry.`);
  } catch {
    notice("No response. Whether the action took effect is not known.");
  }
  await refresh();
}

/** Shows what happened, and when: it stays until the next notice. */
const notice = (text) => message(`${clock(now(), now())} ${text}`);

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
  // Until one is chosen, the worst one that is shown is inspected.
  const inspected = connections.find(({ connection }) => connection === selected) ?? connections.find(accepts);
  write(byId("source"), source.name);
  document.title = titleOf(connections, source);
  renderIfChanged(byId("problems"), problems, () => problems.map((text) => element("li", {}, text)));
  showStates(connections);
  document.querySelector(".columns").classList.toggle("few", connections.length <= few);
  const range = Number(byId("range").value);
  showTiles(byId("tiles"), data, range);
  const shown = showList(connections, inspected?.connection, accepts, { now: data.now, range });
  write(byId("shown"), shown === connections.length ? `· ${shown}` : `· ${shown} of ${connections.length}`);
  byId("none").hidden = shown > 0 || connections.length === 0;
  showInspector(byId("inspector"), inspected, data, act);
  showErrors(byId("errors"), data.traffic);
  showEvents(byId("events"), data, "The notices are not available.");
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
    const response = await fetch(`_dashboard/data?range=${byId("range").value}`, withLimit(patience.read()));
    body = await response.json();
    if (!response.ok) {
      return `The server cannot read the data: ${said(response, body)}. ${age()} It reads again. If this stays, ${startAgain}`;
    }
  } catch {
    return noAnswer();
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
  // What the page shows after it was hidden, or the computer asleep, is old until the server answers.
  if (data && now() - data.now > patience.read()) document.body.classList.add("stale");
  const failure = await read();
  write(byId("failure"), failure ?? "");
  document.body.classList.toggle("stale", failure !== undefined);
  if (failure) document.title = "(old) Smart Token Broker";
  // A hidden page reads nothing: on a deployment each reading costs.
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => void refresh(), 1000 * (data?.source.refreshSeconds ?? 1));
}

startList((connection) => {
  selected = connection;
  show();
});
byId("find").addEventListener("input", show);
document.querySelector("#none button").addEventListener("click", () => {
  byId("find").value = byId("state").value = "";
  show();
  byId("find").focus();
});
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
