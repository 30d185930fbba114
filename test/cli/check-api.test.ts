import { createServer } from "node:http";
import { afterEach, expect, test } from "vitest";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { checkApi } from "../../cli/doctor/check-api.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { allStatuses } from "../../cli/deployment/statuses.ts";
import { listen } from "../support/server.ts";

const acme = parseConnectionId("acme");

let server: Awaited<ReturnType<typeof listen>> | undefined;
afterEach(() => server?.close());

/** A deployment whose API is a function of the test's. */
async function deploymentOf(answer: (path: string, isSigned: boolean) => { status: number; body?: object }) {
  server = await listen(
    createServer((request, response) => {
      const { status, body = {} } = answer(request.url ?? "", request.headers.authorization !== undefined);
      const ours = status === 409 ? { type: "urn:smart-token-broker:connection_not_ready" } : {};
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ ...ours, ...body }));
    }),
  );
  const credentials = () => Promise.resolve({ accessKeyId: "FAKE", secretAccessKey: "fake" });
  return { url: server.url, region: "eu-south-1", credentials, corsOrigins: [] as string[] } as Deployment;
}

test.each<[string, number, number, string, RegExp]>([
  ["an unsigned request that is served", 200, 403, "broken", /answers 200 to a request that is not signed/],
  ["an unsigned request that reaches the function", 409, 403, "broken", /answers 409 to a request that is not signed/],
  ["an outage of the gateway", 503, 503, "warning", /is not signed cannot be told \(HTTP 503\)/],
  ["an encoded path that is served", 403, 200, "warning", /a percent-encoded path is answered/],
  ["an encoded path that fails", 403, 503, "warning", /cannot be told \(HTTP 503\)/],
  ["an encoded path that is refused", 403, 400, "ok", /a percent-encoded path is refused \(400\)/],
])("%s is found", async (_, unsigned, encoded, level, what) => {
  const deployment = await deploymentOf((path, isSigned) => ({
    status: !isSigned ? unsigned : path.includes("%61cme") ? encoded : 200,
  }));

  const findings = await checkApi(deployment, acme);

  expect(findings).toContainEqual(
    expect.objectContaining({ level, what: expect.stringMatching(what) as string }) as object,
  );
});

test("a role that may not ask at all cannot tell how a percent-encoded path is seen", async () => {
  const deployment = await deploymentOf(() => ({ status: 403 }));

  const findings = await checkApi(deployment, acme);

  expect(findings).toContainEqual({
    level: "warning",
    what: "how a percent-encoded path is seen cannot be told (HTTP 403)",
    fix: "grant your role the token of acme (docs/connections.md#grant-a-caller)",
  });
});

test("every page of the status is read", async () => {
  const pages = [["a", "b"], ["c"], ["d"]];
  const deployment = await deploymentOf((path) => {
    const at = Number(new URL(path, "http://api.test").searchParams.get("cursor") ?? 0);
    const connections = pages[at]?.map((connection) => ({ connection }));
    return { status: 200, body: { connections, ...(at < 2 && { next_cursor: String(at + 1) }) } };
  });

  const statuses = await allStatuses(deployment);

  expect(statuses.map(({ connection }) => connection)).toEqual(["a", "b", "c", "d"]);
});
