import { farAway, flag, numberFrom, oneOf, orNull, wholeFrom } from "./switch-kinds.ts";

// The simulator's switches, in one table: it drives the parsing of a patch, the listing of GET /_simulator and the help.

/** What each mode does to an affected call. */
const modes = {
  ok: "a token",
  slow: "a token, after delaySeconds",
  rate_limited: "429, with Retry-After",
  unavailable: "503",
  error: "500",
  malformed: "JSON with no token in it",
  html: "200 with an HTML page",
  empty: "200 with no body",
  oversized: "a token in a body of 64 KiB and one byte",
  truncated: "JSON that ends half-way, after the credential was spent",
  bad_jwt: "a token that looks like a JWT and does not parse",
  expired: "a token whose exp is past",
  redirect: "302 to another path",
  reset: "the connection is reset",
  hang: "no answer, until close",
  refused: "401 for every credential",
} as const;

const isMode = (name: string): name is keyof typeof modes => Object.hasOwn(modes, name);

const shapes = [
  "access_token",
  "accessToken",
  "token",
  "id_token",
  "data",
  "result",
  "response",
  "json_string",
  "bare_jwt",
] as const;

const switches = {
  mode: oneOf(Object.keys(modes).filter(isMode), "ok", "what an affected call gets"),
  on: oneOf(["both", "exchange", "refresh"], "both", "which of the two token endpoints the mode affects"),
  failEvery: wholeFrom(1, 1, "the mode affects every nth call of an endpoint, counted from the start"),
  delaySeconds: numberFrom(0, 86_400, 2, "how long a slow answer takes"),
  retryAfter: orNull(wholeFrom(0, 5, "Retry-After of a 429, in seconds; null for none")),
  retryAfterDate: flag(false, "Retry-After is written as an HTTP-date"),
  lifetime: wholeFrom(1, 3600, "seconds that an access token lives"),
  refreshLifetime: wholeFrom(1, 30 * 86_400, "seconds that a refresh token lives"),
  refreshTokens: flag(true, "refresh tokens are handed out"),
  rotateRefresh: flag(true, "a refresh token works once, and its answer carries the next one"),
  singleActiveToken: flag(false, "a new access token kills the previous one of its username and scope"),
  sameToken: flag(false, "an access token that is still alive is returned again"),
  opaque: flag(false, "access tokens are no JWT"),
  expiresIn: oneOf(["number", "string", "absent"], "number", "how expires_in is written"),
  shape: oneOf(shapes, "access_token", "where the answer has its token (the last two carry nothing else)"),
  bom: flag(false, "the answer starts with a byte-order mark"),
  clockOffset: numberFrom(
    -farAway,
    farAway,
    0,
    "seconds that the upstream's clock is ahead; its Date header and its tokens follow it",
  ),
};

type Switches = typeof switches;

const isSwitch = (name: string): name is keyof Switches => Object.hasOwn(switches, name);

/** The position of every switch. */
export type Scenario = { [Name in keyof Switches]: Switches[Name]["default"] };

/** Every switch as JSON: name, type, default, description. */
export const listSwitches = () =>
  Object.entries(switches).map(([name, { type, default: fallback, description }]) => ({
    name,
    type,
    default: fallback,
    description,
  }));

/** Lines for a command's help: every switch with its default, and what each mode does. Ends without a newline. */
export function scenarioHelp(): string {
  const lines = listSwitches().map(({ name, type, default: fallback, description }) => {
    const values = name === "mode" ? "" : ` (${type})`;
    return `  ${name.padEnd(18)}${description}${values}; default ${fallback}`;
  });
  const modeLines = Object.entries(modes).map(([name, effect]) => `    ${name.padEnd(16)}${effect}`);
  return [...lines.slice(0, 1), ...modeLines, ...lines.slice(1)].join("\n");
}

/** The mood with nothing switched. */
export const defaultScenario = (): Scenario =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets which name has which type
  Object.fromEntries(Object.entries(switches).map(([name, each]) => [name, each.default])) as Scenario;

/** Checks a patch of the mood. Does not apply it. A fault names the switch and, for an unknown one, all known ones. */
export function parsePatch(patch: Record<string, unknown>): { patch: Partial<Scenario> } | { fault: string } {
  const known = Object.keys(switches).join(", ");
  for (const [name, value] of Object.entries(patch)) {
    if (!isSwitch(name)) return { fault: `unknown switch ${JSON.stringify(name)}; known: ${known}` };
    const { type, accepts } = switches[name];
    if (!accepts(value)) return { fault: `bad value of ${name}, which takes ${type}; known: ${known}` };
  }
  return { patch };
}
