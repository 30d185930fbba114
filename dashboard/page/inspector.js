import { badge, clock, duration, element, figure, instant, percent, renderIfChanged, write } from "./format.js";

/**
 * Everything about one connection: state, fields, commands, and on the local run its buttons. Each part changes on its
 * own, so that a button keeps the focus while the figures change.
 * @param act sends an action of the page
 */
export function showInspector(section, view, { now, source, controls }, act) {
  section.hidden = !view;
  if (!view) return;
  renderIfChanged(section, [view.connection, source.kind], () => [
    element("h2", { id: "inspected" }),
    element("p", {}),
    element("p", {}),
    element("ul", { className: "commands", "aria-label": "Commands that help" }),
    element("p", { className: "buttons" }, ...(controls ? localButtons : deployedButtons).map(button)),
    element("dl", {}),
  ]);
  const [heading, sentence, gets, commands, , list] = section.children;
  renderIfChanged(heading, view.state, () => [view.connection, " ", badge(view.state)]);
  write(sentence, view.sentence);
  renderIfChanged(gets, view.callerGets, () => [element("strong", {}, "A caller gets now: "), view.callerGets]);
  renderIfChanged(commands, view.commands, () =>
    view.commands.map((command) => element("li", {}, element("code", {}, ...partsOf(command)), copyButton(command))),
  );
  const fields = fieldsOf(view, now);
  renderIfChanged(list, fields, () =>
    fields.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
  );

  function button([text, title, action]) {
    const node = element("button", { type: "button", title }, text);
    node.addEventListener("click", () => act(action, { connection: view.connection }));
    return node;
  }
}

const localButtons = [
  ["Get a token", "Requests a token as a caller does, and shows the response without the token", "token"],
  ["Replace now", "Makes the connection due and runs a sweep", "replace"],
  ["Rotate key", "Gets another API key from the simulator and rotates to it", "rotation"],
];
const deployedButtons = [
  ["Load the past", "One query of Logs Insights over 3 hours. AWS charges for it by the data that it scans", "past"],
];

function fieldsOf(view, now) {
  const { status, requests, rotation } = view;
  const fields = [];
  const add = (name, value, text = value) => value !== undefined && fields.push([name, text]);
  if (status) addStatus(view, add, now);
  add("Next key rotation", rotation, rotation && rotationText(rotation, now));
  add("Requests, 1 h", requests, requests && requestsText(requests));
  return fields;
}

function addStatus({ status, keyStoredAt }, add, now) {
  const day = (iso) => clock(instant(iso), now);
  const left = (iso) => (instant(iso) > now ? `${duration(instant(iso) - now)} left` : "expired");
  const { access_token_expires_at: access, refresh_token_expires_at: refresh, last_error: error } = status;
  add("Token", access, `generation ${status.generation}, ${access && left(access)}`);
  add(
    "Obtained",
    status.last_success_at,
    `${day(status.last_success_at)} by ${status.obtained_by === "api_key" ? "API key" : "refresh token"}`,
  );
  add("Refresh token", refresh, refresh && left(refresh));
  const days = status.key_age_days;
  const age = days === undefined ? "" : ` · ${days === 1 ? "1 day" : `${days} days`} old`;
  // The fingerprint comes with a token.
  const stored = keyStoredAt === undefined ? "" : " · former key until the next token";
  add("API key", status.key_fingerprint, `${status.key_fingerprint}${age}${stored}`);
  for (const { fingerprint, retirable_at: at } of status.retiring_keys) {
    add("Old API key", `${fingerprint} · can be revoked from ${day(at)}`);
  }
  add("Failed attempts", status.failures || undefined, String(status.failures));
  add("Last error", error, error && `${error.code} at ${day(error.at)}`);
  add("Next", status.next_action, status.next_action && `${status.next_action.what} (${day(status.next_action.at)})`);
  add("Scope", status.scope);
  add("API", status.api_base_url);
}

function rotationText({ isOn, nextAt }, now) {
  if (!isOn) return "off";
  if (nextAt === undefined) return "on";
  return nextAt > now ? `in ${duration(nextAt - now)}` : "due";
}

/** How many, from where, and how many errors. */
function requestsText({ memory, table, upstream, api, errors }) {
  const served = memory + table + upstream + api;
  const shares = [
    ["memory", memory],
    ["table", table],
    ["Smart Services", upstream],
    ["calls", api],
  ].filter(([, count]) => count > 0);
  return [
    figure(served + errors),
    ...shares.map(([source, count]) => `${source} ${percent(count, served)}`),
    ...(errors > 0 ? [`${figure(errors)} with an error`] : []),
  ].join(" · ");
}

/** The words of a command, an option with its value. A line breaks only between them, not after a hyphen. */
const partsOf = (command) =>
  command.split(/(?<!--\S+) | (?=--)/).flatMap((part, at) => [at === 0 ? "" : " ", element("span", {}, part)]);

function copyButton(command) {
  const node = element(
    "button",
    { type: "button", title: "Copy the command", "aria-label": `Copy ${command}` },
    "copy",
  );
  node.addEventListener("click", () => {
    void navigator.clipboard.writeText(command).then(() => (node.textContent = "copied"));
  });
  return node;
}
