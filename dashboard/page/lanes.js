import { clock, duration, element, instant } from "./format.js";

/** The share of the window that lies before now: it shows half of the range after now. */
export const past = 2 / 3;

/** The place of an instant in the window, in percent. */
const placeOf = (at, { now, range }) => ((at - now) / (range * 1.5) + past) * 100;

/**
 * The lane of a connection: its tokens as bars in two tracks, failed attempts as ticks, and what is planned. It draws only
 * what is known.
 */
export function lane(view, time) {
  const node = element("div", { className: "lane", role: "img", "aria-label": describe(view, time) });
  const tokens = tokensOf(view, time);
  node.append(...outages(view, time).map(([from, until]) => bar("outage", from, until, time)));
  for (const token of tokens) {
    // Some seconds before its end, callers do not get it any more.
    const isCurrent = token === tokens.at(-1) && token.until > time.now && view.state !== "expired";
    const kind = `track-${token.generation % 2} ${isCurrent ? `current ${view.state}` : "past"}`;
    // Callers do not get an earlier token any more, also if Smart Services would accept it.
    node.append(bar(kind, token.from, isCurrent ? token.until : Math.min(token.until, time.now), time, token));
  }
  const next = plannedReplacement(view, time, tokens);
  if (next) node.append(bar(`planned track-${next.track}`, next.from, next.until, time, next));
  for (const { at, code } of attemptsIn(view, time))
    node.append(tick("attempt", at, `${clock(at, time.now)} ${code}`, time));
  for (const { at, text } of ends(view, time)) node.append(tick("end", at, text, time));
  return node;
}

/** The labels of the axis. */
export function ticks(time) {
  const { now, range } = time;
  return [-range, -range / 2, 0, range / 2].map((offset) => {
    const label = element("span", {}, offset === 0 ? `now ${clock(now, now)}` : clock(now + offset, now + offset));
    label.style.left = `${placeOf(now + offset, time)}%`;
    label.className = offset === 0 ? "now" : "";
    return label;
  });
}

/** Known tokens in the window, oldest first; the current one is in the status too. */
function tokensOf({ past: known, status }, { now, range }) {
  const tokens = [...(known?.tokens ?? [])];
  const end = instant(status?.access_token_expires_at);
  const latest = tokens.at(-1);
  if (end !== undefined && latest?.generation !== status.generation) {
    const from = instant(status.last_success_at) ?? now;
    tokens.push({ generation: status.generation, from, until: end, by: status.obtained_by });
  }
  // A new token invalidates the previous one of these connections.
  const clipped = status?.single_active_token
    ? tokens.map((token, at) => ({ ...token, until: Math.min(token.until, tokens[at + 1]?.from ?? token.until) }))
    : tokens;
  return clipped.filter(({ from, until }) => until > now - range && from < now + range / 2);
}

/** Not while replacements fail: then no instant is known at which one works. */
function plannedReplacement({ status }, { now, range }, tokens) {
  const { next_action: next, access_token_expires_at: end, last_success_at: start } = status ?? {};
  if (!next || end === undefined || !next.what.startsWith("replacement by")) return undefined;
  const from = Math.max(now, instant(next.at));
  if (from > now + range / 2) return undefined;
  const track = ((tokens.at(-1)?.generation ?? 0) + 1) % 2;
  return { from, until: from + instant(end) - instant(start), track, by: next.what };
}

const attemptsIn = ({ past: known }, { now, range }) => (known?.attempts ?? []).filter(({ at }) => at > now - range);

/** From the first failed attempt to the next token, or to now. */
function outages(view, time) {
  const starts = (view.past?.tokens ?? []).map(({ from }) => from);
  const found = [];
  for (const { at } of attemptsIn(view, time)) {
    if (at <= (found.at(-1)?.[1] ?? 0)) continue;
    found.push([at, starts.find((from) => from >= at) ?? time.now]);
  }
  return found;
}

function ends({ status }, { now, range }) {
  const known = [
    { at: instant(status?.refresh_token_expires_at), text: "end of the refresh token" },
    ...(status?.retiring_keys ?? []).map(({ fingerprint, retirable_at: at }) => ({
      at: instant(at),
      text: `the API key ${fingerprint} can be revoked`,
    })),
  ];
  return known.filter(({ at }) => at !== undefined && at > now - range && at < now + range / 2);
}

function bar(className, from, until, time, token) {
  const node = element("i", { className: `bar ${className}` });
  const [left, right] = [Math.max(0, placeOf(from, time)), Math.min(100, placeOf(until, time))];
  node.style.left = `${left}%`;
  node.style.width = `${Math.max(0.2, right - left)}%`;
  if (token?.generation !== undefined) {
    node.title = `generation ${token.generation}, ${clock(from, time.now)} to ${clock(token.until, time.now)}, by ${token.by === "api_key" ? "API key" : "refresh token"}`;
  } else if (token) node.title = token.by;
  return node;
}

function tick(className, at, title, time) {
  const node = element("i", { className: `tick ${className}`, title });
  node.style.left = `${placeOf(at, time)}%`;
  return node;
}

/** The lane in words. */
function describe(view, time) {
  const tokens = tokensOf(view, time);
  const attempts = attemptsIn(view, time).length;
  const end = tokens.at(-1)?.until;
  return [
    `Last ${duration(time.range)}: ${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}`,
    `${attempts} failed ${attempts === 1 ? "attempt" : "attempts"}`,
    ...(end === undefined
      ? []
      : [
          end > time.now
            ? `the token ends at ${clock(end, time.now)}`
            : `the last token ended at ${clock(end, time.now)}`,
        ]),
  ].join(", ");
}
