import { badge, clock, duration, element, instant, renderIfChanged } from "./format.js";

/**
 * Everything about one connection: state, fields, commands, and on the local run its buttons.
 * @param act sends an action of the page
 */
export function showInspector(section, view, data, act) {
  const { now, source, controls } = data;
  const shown = view && {
    ...view,
    past: undefined,
    fields: fieldsOf(view, now),
    kind: source.kind,
    isKnown: view.past !== undefined,
  };
  section.hidden = !view;
  if (!view) return;
  const buttons = controls
    ? [
        button("Get a token", "Requests a token as a caller does, and shows the response without the token", "token"),
        button("Replace now", "Makes the connection due and runs a sweep", "replace"),
        button("Rotate key", "Gets another API key from the simulator and rotates to it", "rotation"),
      ]
    : [
        button(
          "Load the past",
          "One query of Logs Insights over 3 hours. AWS charges for it by the data that it scans",
          "past",
        ),
      ];
  renderIfChanged(section, shown, () => [
    element("h2", { id: "inspected" }, view.connection, " ", badge(view.state)),
    element("p", {}, view.sentence),
    element("p", {}, element("strong", {}, "A caller gets now: "), view.callerGets),
    element(
      "ul",
      { className: "commands", "aria-label": "Commands that help" },
      ...view.commands.map((command) => element("li", {}, element("code", {}, command), copyButton(command))),
    ),
    element("p", { className: "buttons" }, ...buttons),
    element("dl", {}, ...shown.fields.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])),
  ]);

  function button(text, title, action) {
    const node = element("button", { type: "button", title }, text);
    node.addEventListener("click", () => act(action, { connection: view.connection }));
    return node;
  }
}

function fieldsOf({ status }, now) {
  const fields = [];
  if (!status) return fields;
  const left = (iso) => (instant(iso) > now ? `${duration(instant(iso) - now)} left` : "expired");
  const add = (name, value, text = value) => value !== undefined && fields.push([name, text]);
  const { access_token_expires_at: access, refresh_token_expires_at: refresh, last_error: error } = status;
  add("Token", access, `generation ${status.generation}, ${access && left(access)}`);
  add(
    "Obtained",
    status.last_success_at,
    `${day(status.last_success_at, now)} by ${status.obtained_by === "api_key" ? "API key" : "refresh token"}`,
  );
  add("Refresh token", refresh, refresh && left(refresh));
  const age = status.key_age_days === undefined ? "" : ` · ${status.key_age_days} days old`;
  add("API key", status.key_fingerprint, `${status.key_fingerprint}${age}`);
  for (const { fingerprint, retirable_at: at } of status.retiring_keys) {
    fields.push(["Old API key", `${fingerprint} · can be revoked from ${day(at, now)}`]);
  }
  add("Failed attempts", status.failures || undefined, String(status.failures));
  add("Last error", error, error && `${error.code} at ${day(error.at, now)}`);
  add(
    "Next",
    status.next_action,
    status.next_action && `${status.next_action.what} (${day(status.next_action.at, now)})`,
  );
  add("Scope", status.scope);
  add("API", status.api_base_url);
  return fields;
}

/** The time of day; with the date if that is not today. */
function day(iso, now) {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date(now * 1000).toDateString();
  const time = clock(date.getTime() / 1000);
  return isToday ? time : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

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
