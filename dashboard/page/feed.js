import { clock, element, renderIfChanged } from "./format.js";

const runbook = (section) => element("a", { href: `_dashboard/runbook#${section}`, target: "_blank" }, "runbook");

/** The notices of the log, newest first; a failure that repeats is one entry. */
export function showEvents(section, { events, now }, why) {
  section.querySelector(".empty").textContent = events?.length ? "" : events ? "Nothing has happened yet." : why;
  const list = section.querySelector("ol");
  list.hidden = !events?.length;
  renderIfChanged(list, events ?? [], () =>
    grouped(events ?? []).map(({ event, count, since }) =>
      element(
        "li",
        { "data-level": event.level },
        element("time", { dateTime: new Date(event.at * 1000).toISOString() }, clock(event.at, now)),
        element(
          "p",
          {},
          ...(event.connection === undefined ? [] : [element("b", {}, event.connection), " "]),
          event.text,
          ...(count > 1 ? [` ${count} times since ${clock(since, now)}.`] : []),
          ...(event.runbook === undefined ? [] : [" ", runbook(event.runbook)]),
        ),
      ),
    ),
  );
}

function grouped(events) {
  const groups = [];
  for (const event of events) {
    const same = groups.find(
      ({ event: other }) =>
        event.level !== "info" &&
        other.kind === event.kind &&
        other.connection === event.connection &&
        other.runbook === event.runbook,
    );
    // A success between two failures keeps them apart.
    const isBetween = groups.some(
      ({ event: other }) =>
        same && other.connection === event.connection && other.level === "info" && other.at < same.event.at,
    );
    if (same && !isBetween) {
      same.count += 1;
      same.since = event.at;
    } else groups.push({ event, count: 1, since: event.at });
  }
  return groups;
}

/** The errors that callers got, by code. */
export function showErrors(section, traffic) {
  const errors = Object.entries(traffic?.errors ?? {}).toSorted(([, one], [, other]) => other - one);
  section.hidden = errors.length === 0;
  renderIfChanged(section.querySelector("ul"), errors, () =>
    errors.map(([code, count]) =>
      element(
        "li",
        {},
        element("a", { href: `_dashboard/runbook#${code}`, target: "_blank" }, code),
        element("b", {}, String(count)),
      ),
    ),
  );
}
