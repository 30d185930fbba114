import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { listenOnLoopback, type LoopbackOptions } from "../../console/loopback-server.ts";
import { type Answer, answerWithoutCredential, httpDate, json, scenarioOfCall } from "./answers.ts";
import { answerControl } from "./control.ts";
import { Credentials } from "./credentials.ts";
import { createIssuer } from "./issuer.ts";
import { defaultScenario, type Scenario } from "./scenario.ts";
import { type ReceivedRequest, readFields } from "./recording.ts";
import type { Endpoint, Simulator } from "./simulator.ts";
import { answerBusiness, answerExchange, answerRefresh } from "./token-endpoints.ts";

const requestsKept = 1000;
const bodyLimitBytes = 64 * 1024;

export interface SimulatorOptions extends LoopbackOptions {
  /** Epoch seconds. */
  clock: { now(): number };
  scenario?: Partial<Scenario>;
  /** Delays a slow response, in seconds; rejects when the signal aborts. */
  sleep?: (seconds: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Starts a simulator of Smart Services on 127.0.0.1: both token endpoints, a business endpoint that accepts valid
 * tokens only, with any method, and `/_simulator` to change the scenario. Rejects if the port is in use.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, sleep = (seconds, signal) => wait(seconds * 1000, undefined, { signal }) } = options;
  let scenario: Scenario = { ...defaultScenario(), ...options.scenario };
  const counts = { exchange: 0, refresh: 0, business: 0 };
  const requests: ReceivedRequest[] = [];
  const closing = new AbortController();
  const upstreamNow = () => clock.now() + scenario.clockOffset;
  const credentials = new Credentials(upstreamNow);

  const issue = createIssuer(credentials);

  const { url, close } = await listenOnLoopback((request, response) => {
    // It rejects if the client disconnects or close() ends a delay: nobody waits for the response.
    serve(request, response).catch(() => response.destroy());
  }, options);

  const simulator: Simulator = {
    url,
    get scenario() {
      return scenario;
    },
    setScenario(patch) {
      scenario = { ...scenario, ...patch };
      if (patch.mode === "refused") credentials.refuseAll();
    },
    admit: (account) => credentials.admit(account, account.apiKey),
    issueKey: (account) => credentials.issueKey(account),
    revokeKey: (apiKey) => credentials.revokeKey(apiKey),
    requests,
    counts,
    async close() {
      closing.abort();
      await close();
    },
  };
  return simulator;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const [path = ""] = (request.url ?? "").split("?");
    const control = path === "/_simulator" || path.startsWith("/_simulator/");
    if (!control) record(request, body);
    if (body.length > bodyLimitBytes) return send(response, json(413, { error: "too_large" }));
    if (control) return send(response, answerControl(simulator, request.method ?? "", path, body.toString()));

    if (path === "/keys" || path.startsWith("/keys/")) {
      return send(response, issue(request.method ?? "", path, request.headers, body.toString()));
    }
    const endpoint = endpointOf(path);
    if (!endpoint) return send(response, json(404, { error: "not_found" }));
    if (request.method !== "POST" && endpoint !== "business") {
      return send(response, json(405, { error: "method_not_allowed" }));
    }
    counts[endpoint] += 1;
    if (endpoint === "business") return send(response, answerBusiness(credentials, request.headers, path));

    const callScenario = scenarioOfCall(scenario, endpoint, counts[endpoint]);
    if (callScenario.mode === "hang") return;
    if (callScenario.mode === "reset") return void request.socket.resetAndDestroy();
    if (callScenario.mode === "slow") await sleep(callScenario.delaySeconds, closing.signal);
    const answer = answerWithoutCredential(callScenario, upstreamNow());
    if (answer) return send(response, answer);
    const grant = endpoint === "exchange" ? answerExchange : answerRefresh;
    send(response, await grant(credentials, callScenario, request.headers, body));
  }

  function record(request: IncomingMessage, body: Buffer): void {
    const { method = "", url: path = "", headers } = request;
    const text = body.toString();
    const fields = readFields(headers["content-type"] ?? "", text);
    requests.push({ method, path, headers, body: text, fields, at: clock.now() });
    if (requests.length > requestsKept) requests.shift();
  }

  function send(response: ServerResponse, { status, headers, body }: Answer): void {
    response.writeHead(status, {
      ...headers,
      date: httpDate(upstreamNow()),
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  }
}

function endpointOf(path: string): Endpoint | undefined {
  if (path === "/api/v1/auth/token") return "exchange";
  if (path === "/oauth/token") return "refresh";
  return /^\/api\/v1\/[^/]+\/./.test(path) ? "business" : undefined;
}

/** The body up to a little over the limit, enough to reject it. The rest is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (bytes <= bodyLimitBytes) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks);
}
