// Reads the status of all connections every second and shows it. It receives no secret.
const element = (id) => document.getElementById(id);
const rows = new Map();
const noAnswer = "The local run does not answer. Start it again with npm start.";

/** Replaces a text only if it differs, so that focus stays and a screen reader does not repeat it. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showMessage(text) {
  write(element("message"), text);
}

function duration(seconds) {
  if (seconds <= 0) return "expired";
  if (seconds < 90) return `${Math.floor(seconds)} s left`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min left`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h left`;
  return `${Math.round(seconds / 86_400)} d left`;
}

async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
    const { message } = await response.json();
    showMessage(message);
  } catch {
    showMessage(noAnswer);
  }
}

function rowOf(connection) {
  const known = rows.get(connection);
  if (known) return known;
  const row = element("row").content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`[data-of="${name}"]`);
  write(part("connection"), connection);
  part("get").addEventListener("click", () => post("/_local/token", { connection }));
  part("rotate").addEventListener("click", () => post("/_local/rotation", { connection }));
  const entry = { row, part };
  rows.set(connection, entry);
  element("connections").append(row);
  return entry;
}

function showBar(part, name, end, total, now) {
  const left = end === undefined ? undefined : (Date.parse(end) - now) / 1000;
  const bar = part(`${name}-bar`);
  bar.hidden = left === undefined;
  bar.value = left === undefined ? 0 : Math.max(0, Math.min(1, left / total));
  write(part(name), left === undefined ? "none" : duration(left));
}

function showConnection(status, { now, refresh_lifetime: refreshLifetime }) {
  const { part } = rowOf(status.connection);
  const state = part("state");
  if (state.dataset.state !== undefined && state.dataset.state !== status.state) {
    showMessage(`${status.connection} is ${status.state}`);
  }
  state.dataset.state = status.state;
  write(state, status.state);
  write(part("generation"), `generation ${status.generation}`);
  const lifetime = (Date.parse(status.access_token_expires_at) - Date.parse(status.last_success_at)) / 1000;
  showBar(part, "access", status.access_token_expires_at, lifetime, now);
  showBar(part, "refresh", status.refresh_token_expires_at, refreshLifetime, now);
  write(part("next"), status.next_action?.what ?? "none");
  const error = status.last_error;
  write(part("error"), error ? `${error.code}: ${error.detail}` : "");
  write(part("key"), status.key_fingerprint ?? "");
  const retiring = status.retiring_keys.length > 0 ? `, ${status.retiring_keys.length} retiring` : "";
  write(part("key-age"), status.key_age_days === undefined ? "" : `${status.key_age_days} d old${retiring}`);
}

function showWithoutToken(connection) {
  const { part } = rowOf(connection);
  write(part("state"), "no token yet");
  for (const name of ["access-bar", "refresh-bar"]) part(name).hidden = true;
  write(part("next"), "The first request gets a token.");
}

function showScenarios({ scenarios, scenario }) {
  const group = element("scenarios");
  if (group.childElementCount === 0) {
    for (const name of scenarios) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => void post("/_local/scenario", { scenario: name }).then(refresh));
      group.append(button);
    }
  }
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.textContent === scenario));
}

function show(data) {
  if (data.problem) return showMessage(`The status is not available. ${data.problem}`);
  const shown = new Set([...data.connections.map(({ connection }) => connection), ...data.without_token]);
  for (const [connection, { row }] of rows) {
    if (shown.has(connection)) continue;
    row.remove();
    rows.delete(connection);
  }
  for (const status of data.connections) showConnection(status, data);
  for (const connection of data.without_token) showWithoutToken(connection);
  write(element("more"), data.has_more ? "Only the first 500 are shown." : "");
}

async function refresh() {
  try {
    const response = await fetch("/_local/status");
    if (!response.ok) throw new Error(String(response.status));
    const data = await response.json();
    show(data);
    showScenarios(data);
    const { exchange, refresh: grants } = data.upstream_calls;
    write(element("calls"), `Requests so far: ${exchange} with the API key, ${grants} with a refresh token`);
    const lines = data.events.map(({ type, detail }) =>
      [type, detail.connection, detail.reason ?? detail.code].filter(Boolean).join(" "),
    );
    if (element("events").dataset.lines !== String(lines)) {
      element("events").dataset.lines = String(lines);
      element("events").replaceChildren(
        ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
      );
    }
    if (element("message").textContent === noAnswer) showMessage("");
  } catch {
    showMessage(noAnswer);
  }
}

async function watch() {
  await refresh();
  setTimeout(() => void watch(), 1000);
}
void watch();
