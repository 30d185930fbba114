import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import { namedScenarios } from "./simulator/named-scenarios.ts";
import { type Scenario, scenarioHelp, parsePatch } from "./simulator/scenario.ts";

export interface Options {
  port: number;
  /** Connection id → the value of its secret; absent: one connection of the simulator's. */
  connections?: Record<string, object>;
  scenario?: keyof typeof namedScenarios;
  /** The simulator's own ways, as observed at a real upstream: the mood that `chaos` is laid upon. */
  profile?: Partial<Scenario>;
  /** The list of callers, checked; absent: the sample list. */
  callers?: object[];
  /** Seconds that a minute of every schedule lasts. */
  tick: number;
}

/** What the user got wrong: one line that says what to do, and status 1. */
export class UsageError extends Error {}

export const helpText = `npm start -- [options]      runs the broker on this machine: routes, functions, table and secrets as synthesised

  --port NUMBER         port of the HTTPS endpoint's stand-in (8787); 0 picks a free one
  --connections FILE    JSON: connection id -> value of its secret. Without a baseUrl in it, the simulator is its
                        upstream. Default: webapicorso, of the simulator. The first 100 have rotation switched on
  --callers FILE        JSON: a list of callers as in cdk.json, where an issuer may be http on loopback.
                        Default: a sample list, with an issuer of its own
  --tick SECONDS        how long a minute of every schedule lasts (60)
  --chaos MODE          how the simulator behaves: ${Object.keys(namedScenarios).join(", ")}
  --profile FILE        JSON: switches of the simulator, as observed at a real upstream
                        (broker doctor --probe --save-profile FILE)
  --help                this text

At the ready URL a browser finds a page that shows how connections are, with buttons for the simulator's moods.

The simulator knows the keys of its own connections and of --connections. Another is issued to whoever asks:
  curl -d '{"username":"admin_acme","scope":"acme_alyacme"}' SIMULATOR_URL/_simulator/keys
and can be registered:  npx broker --local connections add acme

Callers: LOCALORDERS / local-orders-secret may call everything;
         LOCALAUDIT / local-audit-secret only GET /v1/status and below.

Switches of the simulator, changed with  curl -d '{"mode": "slow"}' SIMULATOR_URL/_simulator

${scenarioHelp()}`;

/** Reads the command line. Throws a `UsageError`; `"help"` where help is asked for. */
export function readOptions(args: string[]): Options | "help" {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    // Node's message names the option; its further sentences are advice about `--` that helps nobody here.
    throw new UsageError(`${(error as Error).message.split(/\.\s/)[0]}. Try: npm start -- --help`);
  }
  if (values.help) return "help";
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new UsageError(`--port must be a whole number from 0 to 65535, and is ${JSON.stringify(values.port)}.`);
  }
  const tick = Number(values.tick);
  if (!/^\d+(\.\d+)?$/.test(values.tick) || tick < 0.1 || tick > 3600) {
    throw new UsageError(`--tick must be a number of seconds from 0.1 to 3600, and is ${JSON.stringify(values.tick)}.`);
  }
  const { scenario } = values;
  if (scenario !== undefined && !isNamedScenario(scenario)) {
    throw new UsageError(
      `--chaos must be one of ${Object.keys(namedScenarios).join(", ")}, and is ${JSON.stringify(scenario)}.`,
    );
  }
  return {
    port,
    tick,
    ...(values.connections !== undefined && { connections: readConnections(values.connections) }),
    ...(values.callers !== undefined && { callers: readCallers(values.callers) }),
    ...(scenario !== undefined && { scenario }),
    ...(values.profile !== undefined && { profile: readProfile(values.profile) }),
  };
}

function parse(args: string[]) {
  return parseArgs({
    args,
    options: {
      port: { type: "string", default: "8787" },
      connections: { type: "string" },
      callers: { type: "string" },
      scenario: { type: "string" },
      profile: { type: "string" },
      tick: { type: "string", default: "60" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function isNamedScenario(text: string): text is keyof typeof namedScenarios {
  return Object.hasOwn(namedScenarios, text);
}

/** Only the file's form is checked here: what is wrong inside an entry is for the broker to say when it is asked. */
function readConnections(file: string): Record<string, object> {
  const wrong = (what: string) => new UsageError(`--connections ${file}: ${what}`);
  const json = readJsonFile("--connections", file);
  if (!isObject(json)) throw wrong("must be a JSON object: connection id -> value of its secret.");
  for (const [id, value] of Object.entries(json)) {
    if (!parseConnectionId(id))
      throw wrong(`${JSON.stringify(id.slice(0, 80))} is no connection id: ${connectionIdRule}.`);
    if (!isObject(value)) throw wrong(`the value of ${id} must be an object with username, scope and apiKey.`);
  }
  return json as Record<string, object>;
}

/** The list is checked as at synth, by the same schema. */
function readCallers(file: string): object[] {
  const json = readJsonFile("--callers", file);
  try {
    parseCallers(json, { allowLoopbackHttp: true });
  } catch (error) {
    throw new UsageError(`--callers ${file}: ${(error as Error).message}`);
  }
  return json as object[];
}

/** Checked by the simulator's own table of switches. */
function readProfile(file: string): Partial<Scenario> {
  const json = readJsonFile("--profile", file);
  const parsed = isObject(json) ? parsePatch(json) : { fault: "must be a JSON object: switch -> value" };
  if ("fault" in parsed) throw new UsageError(`--profile ${file}: ${parsed.fault}.`);
  return parsed.patch;
}

function readJsonFile(option: string, file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `${option} ${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"}).`,
    );
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // The parser's message would quote the file, and with it an API key.
    throw new UsageError(`${option} ${file}: is not JSON.`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
