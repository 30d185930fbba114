import { type Answer, json } from "./answers.ts";
import { listSwitches, parsePatch } from "./scenario.ts";
import { parseObject } from "../../console/parse-object.ts";
import type { Simulator } from "./simulator.ts";

/** `/_simulator`: shows and changes the scenario, issues and revokes keys. Shows no credential but a new key. */
export function answerControl(simulator: Simulator, method: string, path: string, body: string): Answer {
  if (method === "GET" && path === "/_simulator") return state(simulator);
  const request = parseObject(body) ?? parseForm(body);
  switch (`${method} ${path}`) {
    case "POST /_simulator":
      return request ? changeScenario(simulator, request) : wrong("the body is not a JSON object");
    case "POST /_simulator/keys": {
      const { username, scope } = request ?? {};
      if (!isText(username) || !isText(scope)) return wrong("username and scope are required");
      return json(201, { apiKey: simulator.issueKey({ username, scope }) });
    }
    case "POST /_simulator/keys/revoke": {
      const { apiKey } = request ?? {};
      if (!isText(apiKey)) return wrong("apiKey is required");
      return simulator.revokeKey(apiKey) ? json(200, { revoked: true }) : json(404, { error: "unknown_key" });
    }
    default:
      return json(404, { error: "not_found" });
  }
}

/** A form, because every shell can quote it: `mode=slow`. A value that is JSON is that value: `lifetime=60`. */
function parseForm(body: string): Record<string, unknown> | undefined {
  if (!/^\w+=/.test(body)) return undefined;
  return Object.fromEntries([...new URLSearchParams(body)].map(([name, value]) => [name, parseValue(value)]));
}

function parseValue(text: string): unknown {
  return /^(true|false|null|-?\d+(\.\d+)?)$/.test(text) ? JSON.parse(text) : text;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const wrong = (fault: string) => json(400, { error: "invalid_request", error_description: fault });

const state = ({ scenario, counts }: Simulator) => json(200, { scenario, counts, switches: listSwitches() });

function changeScenario(simulator: Simulator, request: Record<string, unknown>): Answer {
  const parsed = parsePatch(request);
  if ("fault" in parsed) return wrong(parsed.fault);
  simulator.setScenario(parsed.patch);
  return state(simulator);
}
