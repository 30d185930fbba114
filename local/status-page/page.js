// Asks each second how the connections are, and shows it. Nothing that it gets is a secret.
const element = (id) => document.getElementById(id);
const rows = new Map();
const silent = "The local run does not answer.";

/** Text is replaced only where it differs: the focus stays, and a screen reader is not told again. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function say(words) {
  write(element("said"), words);
}

function duration(seconds) {
  if (seconds <= 0) return "ended";
  if (seconds < 90) return `${Math.floor(seconds)} s left`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min left`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h left`;
  return `${Math.round(seconds / 86_400)} d left`;
}

async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
    const { said, message } = await response.json();
    say(said ?? message);
  } catch {
    say(silent);
  }
}

function rowOf(connection) {
  const known = rows.get(connection);
  if (known) return known;
  const row = element("row").content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`[data-of="${name}"]`);
  write(part("connection"), connection);
  part("ask").addEventListener("click", () => post("/_local/token", { connection }));
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
    say(`${status.connection} is ${status.state}`);
  }
  state.dataset.state = status.state;
  write(state, status.state);
  write(part("generation"), `generation ${status.generation}`);
  const lifetime = (Date.parse(status.access_token_expires_at) - Date.parse(status.last_success_at)) / 1000;
  showBar(part, "access", status.access_token_expires_at, lifetime, now);
  showBar(part, "refresh", status.refresh_token_expires_at, refreshLifetime, now);
  write(part("next"), status.next_action?.what ?? "nothing by itself");
  const error = status.last_error;
  write(part("error"), error ? `${error.code}: ${error.detail}` : "");
  write(part("key"), status.key_fingerprint ?? "");
  const retiring = status.retiring_keys.length > 0 ? `, ${status.retiring_keys.length} retiring` : "";
  write(part("key-age"), status.key_age_days === undefined ? "" : `${status.key_age_days} d old${retiring}`);
}

function showNotAskedYet(connection) {
  const { part } = rowOf(connection);
  write(part("state"), "not asked yet");
  for (const name of ["access-bar", "refresh-bar"]) part(name).hidden = true;
  write(part("next"), "its first caller gets it a token");
}

function showMoods({ moods, mood }) {
  const group = element("moods");
  if (group.childElementCount === 0) {
    for (const name of moods) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => void post("/_local/mood", { mood: name }).then(refresh));
      group.append(button);
    }
  }
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.textContent === mood));
}

function show(data) {
  if (data.problem) return say(`The status cannot be had: ${data.problem}`);
  const shown = new Set([...data.connections.map(({ connection }) => connection), ...data.not_asked_yet]);
  for (const [connection, { row }] of rows) {
    if (shown.has(connection)) continue;
    row.remove();
    rows.delete(connection);
  }
  for (const status of data.connections) showConnection(status, data);
  for (const connection of data.not_asked_yet) showNotAskedYet(connection);
  write(element("more"), data.has_more ? "There are more than are shown here." : "");
}

async function refresh() {
  try {
    const response = await fetch("/_local/status");
    if (!response.ok) throw new Error(String(response.status));
    const data = await response.json();
    show(data);
    showMoods(data);
    const { exchange, refresh: grants } = data.upstream_calls;
    write(element("calls"), `Asked so far: ${exchange} API-key exchanges, ${grants} refreshes`);
    const lines = data.events.map(({ type, detail }) =>
      [type, detail.connection, detail.reason ?? detail.code].filter(Boolean).join(" "),
    );
    if (element("events").dataset.lines !== String(lines)) {
      element("events").dataset.lines = String(lines);
      element("events").replaceChildren(
        ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
      );
    }
    if (element("said").textContent === silent) say("");
  } catch {
    say(silent);
  }
}

async function watch() {
  await refresh();
  setTimeout(() => void watch(), 1000);
}
void watch();
