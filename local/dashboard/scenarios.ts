import { isDeepStrictEqual } from "node:util";
import { namedScenarios } from "../simulator/named-scenarios.ts";
import { defaultScenario, type Scenario } from "../simulator/scenario.ts";

const patches: Record<string, Partial<Scenario>> = { ok: {}, ...namedScenarios };

const failing = "The lanes get red ticks. Callers still get the stored token, until its end.";

/** What each scenario does, and what to watch for on the page. */
const texts: Record<string, { does: string; watch: string }> = {
  ok: { does: "Smart Services works.", watch: "Every connection gets a new token now: a new bar begins in each lane." },
  outage: { does: "Every token request gets HTTP 503.", watch: failing },
  flaky: { does: "Every third token request gets HTTP 503.", watch: "Some lanes get a red tick, then a new bar." },
  slow: {
    does: "Token requests take 2 s.",
    watch: "New bars begin 2 s later. Callers with a stored token do not wait.",
  },
  "rate-limited": { does: "Every token request gets HTTP 429 with Retry-After.", watch: failing },
  malformed: { does: "Token responses have no token.", watch: failing },
  revoked: {
    does: "Smart Services rejects every key and refresh token of before with HTTP 401.",
    watch:
      "Connections are rejected: an operator must act. Callers still get the stored token. A new key works: press Rotate key. Press ok: the old keys work again too.",
  },
  "broken-refresh": {
    does: "Requests with a refresh token get no response.",
    watch: "After 5 s the broker uses the API key: the new token is by API key.",
  },
  "short-lived": {
    does: "New tokens last one minute.",
    watch: "Bars are one minute long. Choose the range of 10 minutes.",
  },
  "single-active": {
    does: "A new token invalidates the previous one.",
    watch: "A caller with the previous token gets 401 from Smart Services, and reports it to the broker.",
  },
};

/** The scenarios that the page has a button for: `ok` and those of `--scenario`. */
export const scenarioButtons = Object.keys(patches).map((name) => ({
  name,
  ...(texts[name] ?? { does: `Starts the scenario ${name}.`, watch: "" }),
}));

/** The switches of a named scenario on top of a profile; `undefined` for an unknown name. */
export function scenarioNamed(name: unknown, profile: Partial<Scenario>): Scenario | undefined {
  if (typeof name !== "string" || !Object.hasOwn(patches, name)) return undefined;
  return { ...defaultScenario(), ...profile, ...patches[name] };
}

/** The name of a scenario; `undefined` if its switches were set one by one. */
export function nameOfScenario(scenario: Scenario, profile: Partial<Scenario>): string | undefined {
  return Object.keys(patches).find((name) => isDeepStrictEqual(scenarioNamed(name, profile), scenario));
}
