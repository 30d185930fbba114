import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { SteppedTime } from "../../packages/client/src/testing/stepped-time.ts";
import { type Case, type ErrorRow, readCases, scriptOf, type Step } from "../client/conformance-case.ts";
import { CaseClock, ScriptedNetwork } from "../client/conformance-run.ts";
import { serve } from "../support/server.ts";
import { startProxy } from "./stage.ts";

const files = ["lifetimes.json", "outages.json", "rejected-tokens.json", "errors.json"];

/** The proxy keeps a short body of any kind, so it can send each again. And it cannot see when a slow API got its request. */
const applies = ({ steps }: Case) =>
  !steps.some(({ body, api = [] }) => typeof body === "object" || api.some(({ after }) => after !== undefined));

describe.each(files)("%s through the proxy", (file) => {
  const cases = readCases<(Case | ErrorRow)[]>(file).map(scriptOf);

  test.each(cases.filter(applies))("$name", runThroughProxy);
});

/** Runs a case on real sockets, except to the broker: a call for the token becomes one to an API that answers with it. */
async function runThroughProxy({ margin = 1200, timeout = 15, random = 0, steps }: Case): Promise<void> {
  const time = new SteppedTime();
  const network = new ScriptedNetwork(time);
  /** Resolves when all calls of the step have reached the proxy: nothing answers one of them before. */
  let together = Promise.resolve();
  const api = await serve((request, response) => {
    const respond = async () => {
      const { url = "", method = "", headers } = request;
      await together;
      if (url === "/base/token") return void response.end(headers.authorization?.replace("Bearer ", ""));
      const answer = await network.fetch(`https://api.test${url}`, {
        method,
        headers: { authorization: String(headers.authorization) },
        ...(method === "GET" ? {} : { body: await text(request) }),
      });
      response.writeHead(answer.status).end(await answer.text());
    };
    void respond().catch(() => response.destroy());
  });
  const send: typeof fetch = async (...of) => {
    await together;
    const response = await network.fetch(...of);
    const { status, headers } = response;
    return new Response((await response.text()).replace("https://api.test", api), { status, headers });
  };
  const runtime = time.runtime(systemRuntime, { fetch: send, random: () => random });
  const connections = [...new Set(["webapicorso", ...steps.flatMap(({ connection }) => connection ?? [])])];
  const options = { margin, timeout };
  const { call, server } = await startProxy("https://broker.test", { connections }, { runtime, options });
  let toCome = 0;
  let allHere = () => {};
  server.on("request", () => ((toCome -= 1) === 0 ? allHere() : undefined));
  const clock = new CaseClock(time);
  for (const step of steps) {
    await clock.moveTo(step);
    if (step.expect === undefined) continue;
    network.expect(step);
    const { connection = "webapicorso", call: kind, path = "/customers", method = "GET", body, times = 1 } = step;
    const sent = { method: method as "GET", ...(typeof body === "string" && { body }) };
    toCome = times;
    together = new Promise((resolve) => (allHere = resolve));
    const all = Array.from({ length: times }, () => call(`/${connection}${kind ? path : "/token"}`, sent));
    if (step.after !== undefined) {
      await together;
      await time.advance(step.after);
      clock.truth += step.after;
    }
    for (const { status, headers, text: answered, problem } of await Promise.all(all)) {
      const result = { at: step.at, status, text: answered, problem, retryAfter: headers["retry-after"] };
      expect(result).toMatchObject({ at: step.at, ...expected(step) });
    }
    expect({ at: step.at, missing: network.missing() }).toEqual({ at: step.at, missing: [] });
  }
  expect(network.unexpected).toEqual([]);
}

/** What the caller of the proxy gets: a 401 of the API becomes 502. */
function expected({ expect: of }: Step): object {
  if (typeof of === "string") return { status: 200, text: of };
  if (typeof of === "number") return of === 401 ? { problem: "502 api_rejected_token" } : { status: of };
  const { code = "", retryAfter } = of ?? {};
  // The client tries again by itself; its caller cannot correct the credential of the proxy.
  if (/^invalid_(client|grant)$/.test(code)) return { problem: `503 ${code}`, retryAfter: undefined };
  return { problem: `503 ${code}`, ...(retryAfter !== undefined && { retryAfter: String(retryAfter) }) };
}
