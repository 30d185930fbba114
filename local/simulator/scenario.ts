import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";
import { maxSeconds, flag, numberFrom, oneOf, orNull, wholeFrom } from "./switch-kinds.ts";

// All switches of the simulator. Parsing, the list of GET /_simulator and the help are made from this table.

/** What each mode does to an affected call. */
const modes = {
  ok: "a token",
  slow: "a token, after delaySeconds",
  rate_limited: "429, with Retry-After",
  unavailable: "503",
  error: "500",
  malformed: "JSON without a token",
  html: "200 with an HTML page",
  empty: "200 without a body",
  oversized: "a token in a body of 64 KiB and one byte",
  truncated: "JSON cut in the middle, after the credential was used",
  bad_jwt: "a token that looks like a JWT but does not parse",
  expired: "a token that has expired",
  redirect: "302 to another path",
  reset: "the connection is reset",
  hang: "no response",
  refused: "401 for every key and refresh token that was issued before",
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
  mode: oneOf(Object.keys(modes).filter(isMode), "ok", "response of an affected call"),
  on: oneOf(["both", "exchange", "refresh"], "both", "token endpoint that the mode affects"),
  failEvery: wholeFrom(1, 1, "the mode affects every nth call of an endpoint"),
  delaySeconds: numberFrom(0, 86_400, 2, "seconds that a slow response takes"),
  retryAfter: orNull(wholeFrom(0, 5, "Retry-After of a 429, in seconds; null: no header")),
  retryAfterDate: flag(false, "Retry-After is an HTTP-date"),
  lifetime: wholeFrom(1, 3600, "lifetime of an access token in seconds"),
  refreshLifetime: wholeFrom(1, 30 * 86_400, "lifetime of a refresh token in seconds"),
  refreshTokens: flag(true, "responses have a refresh token"),
  rotateRefresh: flag(true, "a refresh token works once; its response has the next one"),
  singleActiveToken: flag(false, "a new access token invalidates the previous one"),
  sameToken: flag(false, "a valid access token is returned again"),
  opaque: flag(false, "access tokens are not JWTs"),
  expiresIn: oneOf(["number", "string", "absent"], "number", "form of expires_in"),
  shape: oneOf(shapes, "access_token", "where the response has its token (the last two have nothing else)"),
  bom: flag(false, "the response starts with a byte-order mark"),
  clockOffset: numberFrom(-maxSeconds, maxSeconds, 0, "seconds that the clock of the simulator is ahead"),
};

type Switches = typeof switches;

const isSwitch = (name: string): name is keyof Switches => Object.hasOwn(switches, name);

/** The value of every switch. */
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

/** The scenario with every switch at its default. */
export const defaultScenario = (): Scenario =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries loses which name has which type
  Object.fromEntries(Object.entries(switches).map(([name, each]) => [name, each.default])) as Scenario;

/** Checks a change of the scenario. Does not apply it. A fault names the switch, and all known ones. */
export function parsePatch(patch: Record<string, unknown>): { patch: Partial<Scenario> } | { fault: string } {
  const known = Object.keys(switches).join(", ");
  for (const [name, value] of Object.entries(patch)) {
    if (!isSwitch(name))
      return { fault: `unknown switch ${unknownName(name, Object.keys(patch))}; known switches: ${known}` };
    const { type, accepts } = switches[name];
    if (!accepts(value)) return { fault: `${name} must be ${type}; known switches: ${known}` };
  }
  return { patch };
}
