import { closeSync, openSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { parseHostName } from "../console/loopback-guard.ts";
import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";
import { namedScenarios } from "./simulator/named-scenarios.ts";
import { type Scenario, scenarioHelp, parsePatch } from "./simulator/scenario.ts";

export interface Options {
  port: number;
  /** Absent: `simulatorPortOf(port)`, or a free one if that is in use. */
  simulatorPort?: number;
  /** Names besides the loopback names that the Host of a request may have, with any port. */
  allowedHosts?: string[];
  /** Connection id → value of its secret. Absent: the sample connection, and those of the settings. */
  connections?: Record<string, object>;
  scenario?: keyof typeof namedScenarios;
  /** Recorded behaviour of a real upstream: the switches that `scenario` is applied on top of. */
  profile?: Partial<Scenario>;
  /** The list of callers as in its file, without a mistake. Absent: the sample list. */
  callers?: unknown;
  /** Origins of pages that the sample list of callers admits, besides the sample application. */
  origins?: string[];
  /** File to which the functions' own lines are appended. */
  logFile?: string;
  /** Seconds that one minute of every schedule lasts. */
  tick: number;
}

/** A wrong option. Its message is one line that says what to do; the exit status is 1. */
export class UsageError extends Error {}

export const helpText = `npm start -- [options]      Run the broker on this machine, as synthesised for AWS.

  --port NUMBER         Port of the gateway (8787). 0 picks a free one.
  --simulator-port NUMBER
                        Port of the simulator of Smart Services: the one of the gateway + 1000 (9787), so that callers find it after
                        a restart too; if that is in use, a free one. 0 picks a free one.
  --allow-host NAME     Also accept the Host NAME, with any port: for a tunnel or a proxy that ends on this machine, or a
                        container in its network. Repeatable. Default: 127.0.0.1, localhost and [::1], with the server's port.
  --connections FILE    JSON: connection id -> value of its secret. A connection without baseUrl uses the simulator of
                        Smart Services. Default: webapicorso, and those of
                        settings/dev.json. Rotation is on for the first 100 connections.
  --callers FILE        JSON: a list of callers, as in the settings. Issuers may use http on loopback.
                        Default: a sample list with a local issuer.
  --origin URL          Also accept requests of web pages of this origin, for example http://localhost:5173.
                        Repeatable. Not with --callers: there, an entry has its origins.
  --log-file FILE       Append the functions' own log lines to FILE, as JSON. A terminal shows readable lines.
  --tick SECONDS        How long one minute of every schedule lasts (60).
  --scenario NAME       Behaviour of the simulated Smart Services: ${Object.keys(namedScenarios).join(", ")}
  --profile FILE        JSON: switches of the simulator, recorded from a real upstream with
                        broker doctor --probe ID --save-profile FILE
  --help                Show this text.

Open the ready URL in a browser: a page shows every connection and has a button for each scenario.

The simulator accepts the keys of its own connections and of --connections. Get another key, then register it:
  curl -d username=admin_acme -d scope=acme_alyacme SIMULATOR_URL/_simulator/keys
  npx broker --local connections add acme

Callers: LOCALORDERS / local-orders-secret may call every route;
         LOCALAUDIT / local-audit-secret only GET /v1/status and GET /v1/status/{connection}.

Switches of the simulator. Change one with  curl -d mode=slow SIMULATOR_URL/_simulator

${scenarioHelp()}`;

/** Reads the command line. Returns `"help"` for `--help`; throws a `UsageError`. */
export function readOptions(args: string[]): Options | "help" {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    // The first sentence of Node's message names the option. The rest is advice about `--` that does not help here.
    throw new UsageError(`${(error as Error).message.split(/\.\s/)[0]}. Try: npm start -- --help`);
  }
  if (values.help) return "help";
  const port = readPort("--port", values.port);
  const tick = Number(values.tick);
  if (!/^\d+(\.\d+)?$/.test(values.tick) || tick < 0.1 || tick > 3600) {
    throw new UsageError(`--tick must be a number of seconds from 0.1 to 3600. It is ${JSON.stringify(values.tick)}.`);
  }
  const { scenario } = values;
  if (scenario !== undefined && !isNamedScenario(scenario)) {
    throw new UsageError(
      `--scenario must be one of ${Object.keys(namedScenarios).join(", ")}. It is ${JSON.stringify(scenario)}.`,
    );
  }
  if (values.callers !== undefined && values.origin.length > 0) {
    throw new UsageError(
      "--origin changes the sample list of callers. With --callers, add the origin to an entry there.",
    );
  }
  return {
    port,
    ...(values["simulator-port"] !== undefined && {
      simulatorPort: readPort("--simulator-port", values["simulator-port"]),
    }),
    tick,
    origins: values.origin.map(readOrigin),
    ...(values["log-file"] !== undefined && { logFile: readLogFile(values["log-file"]) }),
    allowedHosts: values["allow-host"].map(readHostName),
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
      "simulator-port": { type: "string" },
      "allow-host": { type: "string", multiple: true, default: [] },
      connections: { type: "string" },
      callers: { type: "string" },
      origin: { type: "string", multiple: true, default: [] },
      "log-file": { type: "string" },
      scenario: { type: "string" },
      profile: { type: "string" },
      tick: { type: "string", default: "60" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`${option} must be a whole number from 0 to 65535. It is ${JSON.stringify(text)}.`);
}

function isNamedScenario(text: string): text is keyof typeof namedScenarios {
  return Object.hasOwn(namedScenarios, text);
}

function readHostName(text: string): string {
  const name = parseHostName(text);
  if (name !== undefined) return name;
  const rule =
    "must be a host name or an address without scheme, port and wildcard, for example broker.test or [fd00::1]";
  throw new UsageError(`--allow-host ${rule}. It is ${JSON.stringify(text)}.`);
}

/** An origin as browsers send it. */
function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && [url.origin, `${url.origin}/`].includes(text)) return url.origin;
  throw new UsageError(
    `--origin must be a scheme and a host, for example http://localhost:5173. It is ${JSON.stringify(text)}.`,
  );
}

/** Creates the file if it does not exist. */
function readLogFile(file: string): string {
  try {
    closeSync(openSync(file, "a"));
    return file;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new UsageError(
      `--log-file ${file}: cannot be written (${code}). Name a file in a folder that exists and that you may write.`,
    );
  }
}

/** Checks the form of the file only. The broker reports a wrong field of an entry at the first request. */
function readConnections(file: string): Record<string, object> {
  const wrong = (what: string) => new UsageError(`--connections ${file}: ${what}`);
  const json = readJsonFile("--connections", file);
  if (!isObject(json)) throw wrong("must be a JSON object: connection id -> value of its secret.");
  for (const [id, value] of Object.entries(json)) {
    if (!parseConnectionId(id)) {
      throw wrong(`the name ${unknownName(id, Object.keys(json))} is not a connection id: ${connectionIdRule}.`);
    }
    if (!isObject(value)) throw wrong(`the value of ${id} must be an object with username, scope and apiKey.`);
  }
  return json as Record<string, object>;
}

/** Checks the list with the schema that synth uses. */
function readCallers(file: string): unknown {
  const json = readJsonFile("--callers", file);
  try {
    parseCallers(json, { allowLoopbackHttp: true });
    return json;
  } catch (error) {
    throw new UsageError(`--callers ${file}: ${(error as Error).message}`);
  }
}

/** Checks the profile against the simulator's table of switches. */
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
    // The parser's message quotes the file, which holds API keys.
    throw new UsageError(`${option} ${file}: is not JSON.`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
