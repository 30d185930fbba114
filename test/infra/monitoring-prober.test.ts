import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { problems } from "../../functions/auth-core/http/problems.ts";
import { problemDetails } from "../../functions/auth-core/http/response.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure.ts";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { sendProbe, signedHeaders } from "../../functions/prober/probe-request.ts";
import { probeResult } from "../../functions/prober/probe-result.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { gateway, ORDERS } from "../local/gateway-harness.ts";
import { serve } from "../support/server.ts";

afterEach(() => vi.unstubAllEnvs());

const now = 1_800_000_000;
const token = { access_token: "fake-access-1", expires_in: 600, expires_at: "2027-01-15T08:10:00Z" };
const signed = { status: 200, body: token };
const unsigned = { status: 403, body: { message: "Forbidden" } };

test("probeResult is ok for a token with a signature and 401 or 403 without one", () => {
  expect(probeResult(signed, unsigned, now)).toBe("ok");
  expect(probeResult(signed, { status: 401, body: undefined }, now)).toBe("ok");
});

test.each([
  ["open", signed, { status: 200, body: token }],
  ["open", undefined, { status: 200, body: {} }],
  ["no_answer", undefined, unsigned],
  ["no_answer", signed, undefined],
  ["no_answer", signed, { status: 302, body: undefined }],
  ["no_answer", signed, { status: 503, body: undefined }],
  ["no_answer", signed, { status: 503, body: { message: "Service Unavailable" } }],
  ["no_answer", signed, { status: 500, body: { message: "Internal Server Error" } }],
  ["refused", { status: 403, body: {} }, unsigned],
  ["refused", { status: 502, body: { code: "credentials_rejected" } }, unsigned],
  ["not_valid", { status: 200, body: undefined }, unsigned],
  ["not_valid", { status: 200, body: { ...token, access_token: "" } }, unsigned],
  ["not_valid", { status: 200, body: { ...token, expires_in: 5 } }, unsigned],
  ["not_valid", { status: 200, body: { ...token, expires_at: "2027-01-15T07:59:59Z" } }, unsigned],
] as const)(
  "probeResult is %s for the response %j with a signature and %j without",
  (result, withSignature, without) => {
    expect(probeResult(withSignature, without, now)).toBe(result);
  },
);

test.each(Object.keys(problems) as FailureCode[])(
  "probeResult is open if a request without a signature gets the function's error %s",
  (code) => {
    const { status, body } = problemDetails({ code, detail: "fake" }, "fake-request");

    expect(probeResult(signed, { status, body }, now)).toBe("open");
    expect(probeResult(undefined, { status, body }, now)).toBe("open");
  },
);

test.each([
  ["ok", "AWS_IAM"],
  ["open", "NONE"],
] as const)("The bundled prober logs %s if the authorizer of the route is %s", async (code, authorization) => {
  const body = JSON.stringify({ ...token, expires_at: "2099-01-01T00:00:00Z" });
  const invoke = () => Promise.resolve({ statusCode: 200, body });
  const routes = [{ routeKey: "GET /v1/connections/{connection}/token", authorization, invoke }];
  const { url } = await gateway({ clock: { now: () => Date.now() / 1000 }, routes });
  const lines: string[] = [];
  const prober = await startFunction({
    name: "prober",
    folder: bundleFunction("prober"),
    handler: "index.handler",
    timeoutSeconds: 60,
    memoryMegabytes: 256,
    onLog: (line) => lines.push(line),
    environment: {
      [environmentVariables.stage]: "test",
      [environmentVariables.tableName]: "none",
      [environmentVariables.secretPrefix]: "none",
      AWS_ACCESS_KEY_ID: ORDERS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ORDERS.secretAccessKey,
    },
  });
  onTestFinished(prober.close);

  await prober.invoke({
    url: `${url}/v1/connections/webapicorso/token`,
    connection: "webapicorso",
    region: "eu-south-1",
  });

  const probe = { message: "probe", code, connection: "webapicorso", status: 200 };
  await expect
    .poll(() => lines.map((line) => JSON.parse(line)), { timeout: 10_000 })
    .toContainEqual(expect.objectContaining(probe));
  expect(lines.join("\n")).not.toContain(token.access_token);
});

test("The gateway accepts the prober's signature, and rejects its request without one", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", ORDERS.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", ORDERS.secretAccessKey);
  vi.stubEnv("AWS_SESSION_TOKEN", undefined);
  const { url } = await gateway({ clock: { now: () => Date.now() / 1000 } });
  const target = `${url}/v1/connections/webapicorso/token`;

  const withSignature = await sendProbe(target, await signedHeaders(target, "eu-south-1"));
  const without = await sendProbe(target);

  expect(withSignature?.status).toBe(200);
  expect(without).toEqual({ status: 403, body: { message: "Forbidden" } });
});

test("sendProbe returns nothing without a server, and does not follow a redirect", async () => {
  const url = await serve((request, response) => {
    response.writeHead(request.url === "/here" ? 302 : 200, { location: "/there" });
    response.end("not JSON");
  });

  expect(await sendProbe("http://127.0.0.1:1/")).toBeUndefined();
  expect(await sendProbe(`${url}/here`)).toEqual({ status: 302, body: undefined });
});
