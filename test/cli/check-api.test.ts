import { createServer } from "node:http";
import { afterEach, expect, test } from "vitest";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { checkApi, clockFinding } from "../../cli/doctor/check-api.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { allStatuses } from "../../cli/deployment/statuses.ts";
import { listen } from "../../fixtures/listen.ts";

const acme = parseConnectionId("acme");

let server: Awaited<ReturnType<typeof listen>> | undefined;
afterEach(() => server?.close());

/** A deployment whose API is the test's function. */
async function deploymentOf(answer: (path: string, isSigned: boolean) => { status: number; body?: object }) {
  server = await listen(
    createServer((request, response) => {
      const { status, body = {} } = answer(request.url ?? "", request.headers.authorization !== undefined);
      const ours = status === 409 ? { type: "urn:smart-token-broker:connection_not_ready" } : {};
      response
        .writeHead(status, { "content-type": "application/json", "broker-response": "broker" })
        .end(JSON.stringify({ ...ours, ...body }));
    }),
  );
  const credentials = () => Promise.resolve({ accessKeyId: "FAKE", secretAccessKey: "fake" });
  return { url: server.url, region: "eu-south-1", credentials, corsOrigins: [] as string[] } as Deployment;
}

test.each<[string, number, number, string, RegExp]>([
  ["an unsigned request that gets a token", 200, 403, "broken", /answers unsigned requests \(HTTP 200\)/],
  ["an unsigned request that reaches the function", 409, 403, "broken", /answers unsigned requests \(HTTP 409\)/],
  ["an outage of the gateway", 503, 503, "warning", /Cannot check whether the API denies .* \(HTTP 503\)/],
  ["an encoded path that gets a status", 403, 200, "warning", /accepts percent-encoded paths/],
  ["an encoded path that fails", 403, 503, "warning", /Cannot check percent-encoded paths \(HTTP 503\)/],
  ["an encoded path that is rejected", 403, 400, "ok", /rejects percent-encoded paths \(HTTP 400\)/],
])("checkApi finds %s", async (_, unsigned, encoded, level, what) => {
  const deployment = await deploymentOf((path, isSigned) => ({
    status: !isSigned ? unsigned : path.includes("%61cme") ? encoded : 200,
  }));

  const findings = await checkApi(deployment, acme);

  expect(findings).toContainEqual(
    expect.objectContaining({ level, what: expect.stringMatching(what) as string }) as object,
  );
});

test.each([
  [200, "ok", "The OAuth routes answer"],
  [404, "ok", "There are no OAuth routes: no entry of callers has a caller key or an issuer"],
  [503, "warning", "Cannot check the OAuth routes (HTTP 503)"],
])("checkApi finds, if the metadata has HTTP status %i, %s: %s", async (status, level, what) => {
  const deployment = await deploymentOf((path) => ({ status: path.startsWith("/.well-known/") ? status : 403 }));

  const findings = await checkApi(deployment, acme);

  expect(findings).toContainEqual(expect.objectContaining({ level, what }) as object);
});

test.each([
  [401, "ok", "The routes of calls reject a request without a credential"],
  [200, "broken", "The routes of calls answer a request without a credential (HTTP 200)"],
  [503, "warning", "Cannot check the routes of calls (HTTP 503)"],
  [404, "none", undefined],
])("checkApi finds, if a call without a credential has HTTP status %i, %s: %s", async (status, level, what) => {
  const deployment = await deploymentOf((path) => ({ status: path.endsWith("/api/doctor") ? status : 403 }));

  const found = (await checkApi(deployment, acme)).filter((each) => each.what.includes("routes of calls"));

  expect(found.map((each) => [each.level, each.what])).toEqual(what === undefined ? [] : [[level, what]]);
});

test("checkApi warns that it cannot check percent-encoded paths if the role may not read the status of a connection", async () => {
  const deployment = await deploymentOf(() => ({ status: 403 }));

  const findings = await checkApi(deployment, acme);

  expect(findings).toContainEqual({
    level: "warning",
    what: "Cannot check percent-encoded paths (HTTP 403)",
    fix: "grant the permission (docs/cli.md#permissions)",
  });
  // No caller of this deployment has a page.
  expect(JSON.stringify(findings)).not.toMatch(/pages/i);
});

test.each([
  [0, "ok"],
  [-29, "ok"],
  [31, "warning"],
  [-299, "warning"],
  [301, "broken"],
  [Number.NaN, "ok"],
])("clockFinding is, for a clock that is %i s wrong, %s", (ahead, level) => {
  expect(clockFinding(ahead).level).toBe(level);
});

test("allStatuses reads every page", async () => {
  const pages = [["a", "b"], ["c"], ["d"]];
  const deployment = await deploymentOf((path) => {
    const at = Number(new URL(path, "http://api.test").searchParams.get("cursor") ?? 0);
    const connections = pages[at]?.map((connection) => ({ connection }));
    return { status: 200, body: { connections, ...(at < 2 && { next_cursor: String(at + 1) }) } };
  });

  const statuses = await allStatuses(deployment);

  expect(statuses.map(({ connection }) => connection)).toEqual(["a", "b", "c", "d"]);
});
