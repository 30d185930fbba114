import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { startFunctionEnvironment } from "../support/function-environment.ts";
import { runtimeClient } from "../../tools/runtime-client.ts";
import { startEnvironment } from "../../fixtures/lambda/environment.ts";

let around: Awaited<ReturnType<typeof startFunctionEnvironment>>;

beforeAll(async () => {
  around = await startFunctionEnvironment();
});
afterAll(() => around.close());

/** Starts a function under the runtime client; it ends with the test. */
async function start(name: string, variables: Record<string, string> = {}) {
  const client = runtimeClient() ?? expect.unreachable("the runtime client is not installed");
  const environment = await startEnvironment(client, bundleFunction(name), { ...around.variables, ...variables });
  onTestFinished(environment.close);
  return environment;
}

// The client treats all functions alike: bundle.test.ts loads each, and the scenario `cold` starts those that callers wait for.
describe("Under Lambda's runtime client", () => {
  it("token serves a new token, then the same one", async () => {
    const { id } = await around.connection();
    const token = await start("token");

    const [first, second] = [await token.invoke(tokenEvent(id)), await token.invoke(tokenEvent(id))];

    expect(first).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    expect(second).toMatchObject({ kind: "response", body: { statusCode: 200 } });
    const tokenOf = ({ body }: typeof first) => JSON.parse((body as { body: string }).body).access_token as string;
    expect(tokenOf(second)).toBe(tokenOf(first));
    await expect.poll(token.printed, { timeout: 10_000 }).toMatch(/"source":"upstream".*\n(.*\n)*.*"source":"memory"/);
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
