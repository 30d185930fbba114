import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { callersFile, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import { startEventBridge } from "../../local/eventbridge.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { operatorOf } from "../support/operator.ts";
import { callers, fakeCallerKey } from "../oauth/callers.ts";
import { statusEvent } from "../../fixtures/status-event.ts";
import { type Line, startFunctionEnvironment } from "../support/function-environment.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { runtimeClient } from "../../tools/runtime-client.ts";
import { startEnvironment } from "../../fixtures/lambda/environment.ts";

let around: Awaited<ReturnType<typeof startFunctionEnvironment>>;
/** Invokes key-rotation when a rotation starts. */
let invokeRotation: (event: object) => Promise<unknown>;
const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-lambda-"));

beforeAll(async () => {
  const sleep = () => Promise.resolve();
  around = await startFunctionEnvironment({ sleep, invokeRotation: (_, event) => invokeRotation(event) });
});
afterAll(async () => {
  await around.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a function under the runtime client; it ends with the test. */
async function start(name: string, variables: Record<string, string> = {}, files: Record<string, string> = {}) {
  const bundle = bundleFunction(name, { folder: join(folder, name), files });
  const client = runtimeClient() ?? expect.unreachable("the runtime client is not installed");
  const environment = await startEnvironment(client, bundle, { ...around.variables, ...variables });
  onTestFinished(environment.close);
  return {
    ...environment,
    /** The lines of JSON that it has printed, once one of them has this message. */
    async lines(message: string): Promise<Line[]> {
      await expect.poll(environment.printed, { timeout: 10_000 }).toContain(`"message":"${message}"`);
      const lines = environment.printed().split("\n");
      return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
    },
  };
}

describe("Under Lambda's runtime client", () => {
  it("token serves a new token, then the same one", async () => {
    const { id } = await around.connection();
    const token = await start("token");

    const [first, second] = [await token.invoke(tokenEvent(id)), await token.invoke(tokenEvent(id))];

    expect(first).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    expect(second).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    const tokenOf = ({ body }: typeof first) => JSON.parse((body as { body: string }).body).access_token as string;
    expect(tokenOf(second)).toBe(tokenOf(first));
    const requests = (await token.lines("request")).filter(({ message }) => message === "request");
    expect(requests).toMatchObject([{ source: "upstream" }, { source: "memory" }]);
  });

  it("oauth serves a caller with a key", async () => {
    await around.connection({}, "webapicorso");
    const list = parseCallers(callers("https://issuer.test"), { allowLoopbackHttp: false });
    const oauth = await start("oauth", {}, callersFile(list));
    const credential = { client_id: "old-php", client_secret: fakeCallerKey("old-php") };
    const { pathParameters: _, ...event } = tokenEvent("none", { rawPath: "/oauth/token", post: "" });

    const outcome = await oauth.invoke({
      ...event,
      routeKey: "POST /oauth/token",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: String(new URLSearchParams({ grant_type: "client_credentials", ...credential })),
      requestContext: { ...event.requestContext, routeKey: "POST /oauth/token" },
    });

    expect(outcome).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    expect(outcome.body).toMatchObject({ body: expect.stringContaining('"access_token"') });
  });

  it("status lists connections", async () => {
    const status = await start("status");

    const outcome = await status.invoke(statusEvent());

    expect(outcome).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    expect(outcome.body).toMatchObject({ body: expect.stringContaining('"connections":[') });
  });

  it("token-rotation sweeps", async () => {
    const rotation = await start("token-rotation");

    const outcome = await rotation.invoke({ shard: 0, shards: 1 });

    expect(outcome).toEqual({ kind: "response", body: null });
    expect(await rotation.lines("sweep")).toContainEqual(expect.objectContaining({ message: "sweep", Failed: 0 }));
  });

  it("key-rotation rotates a key in four steps", async () => {
    const connection = connectionId("rotated");
    const bus = await startEventBridge(() => {});
    onTestFinished(bus.close);
    const operator = operatorOf(around.secrets.store, around.simulator);
    operator.put(connection, operator.key(connection, 1));
    operator.stage(connection, operator.key(connection, 2));
    const rotation = await start("key-rotation", { AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url });
    const kinds: string[] = [];
    invokeRotation = async (event) => kinds.push((await rotation.invoke(event)).kind);

    operator.startRotation(connection);
    await around.secrets.rotationsSettled();

    expect(kinds).toEqual(["response", "response", "response", "response"]);
    expect(operator.labels(connection)).toMatchObject({ AWSCURRENT: "fake-key-rotated-2" });
    expect(bus.events).toMatchObject([{ detailType: "api_key_rotated" }]);
  });

  it("prober probes a URL", async () => {
    const url = await serve((_, response) => void response.writeHead(403).end('{"message":"Forbidden"}'));
    const prober = await start("prober");

    const outcome = await prober.invoke({ url, connection: "webapicorso", region: "eu-south-1" });

    expect(outcome).toEqual({ kind: "response", body: null });
    expect(await prober.lines("probe")).toContainEqual(expect.objectContaining({ code: "refused", status: 403 }));
  });

  it("an error of a handler reaches Lambda, and the environment handles the next event", async () => {
    const rotation = await start("token-rotation");

    const failed = await rotation.invoke({ shard: 1, shards: 1 });

    expect(failed).toMatchObject({
      kind: "error",
      body: { errorMessage: expect.stringContaining("The input must be") },
    });
    expect(await rotation.invoke({ shard: 0, shards: 1 })).toEqual({ kind: "response", body: null });
  });

  it("a missing setting is an error of the initialisation, which names it", async () => {
    const token = await start("token", { BROKER_TABLE_NAME: "" });

    const outcome = await token.invoke(tokenEvent("webapicorso"));

    expect(outcome).toMatchObject({
      kind: "init/error",
      body: { errorMessage: expect.stringContaining("BROKER_TABLE_NAME is not set") },
    });
  });
});
