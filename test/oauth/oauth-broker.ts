import { expect, vi } from "vitest";
import { callersFile, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { startGateway } from "../../local/gateway/server.ts";
import { business } from "../local/simulator-client.ts";
import { accountOf, type Line, place, startFunctionEnvironment } from "../support/function-environment.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";
import { callers } from "./callers.ts";
import { startIssuer } from "./issuer.ts";
import type { Sent } from "./request-bodies.ts";

export const vendorRoute = "/api/v1/auth/token";
export const oauthRoute = "/oauth/token";
const metadataRoute = "/.well-known/oauth-authorization-server";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
  json: any;
}

/** The oauth function behind a gateway, on emulators, with the list of `callers.ts`. */
export type OAuthBroker = Awaited<ReturnType<typeof startOAuthBroker>>;

/**
 * Starts one with an empty memory. The connections `webapicorso` and `other` are registered.
 *
 * @param variables replace environment variables of the function
 */
export async function startOAuthBroker(variables: Record<string, string> = {}) {
  const emulators = await startFunctionEnvironment();
  const { table, secrets, simulator, clock } = emulators;
  const [issuer, proxy] = await Promise.all([startIssuer(), startTableProxy(table.config.endpoint)]);
  const invoke = await emulators.start(
    "oauth",
    { AWS_ENDPOINT_URL_DYNAMODB: proxy.url, ...variables },
    callersFile(parseCallers(callers(issuer.url), { allowLoopbackHttp: true }), "tokens"),
  );
  const route = (routeKey: string) => ({ routeKey, authorization: "NONE" as const, invoke });
  const gateway = await startGateway({
    port: 0,
    apiId: "fakeapi",
    ...place,
    stage: "$default",
    identities: [],
    clock,
    routes: [route(`POST ${vendorRoute}`), route(`POST ${oauthRoute}`), route(`GET ${metadataRoute}`)],
  });
  // Before its first request, the function reads the revoked keys.
  await vi.waitFor(() => expect(proxy.requests, "reads before the first request").toHaveLength(1), {
    timeout: 10_000,
    interval: 10,
  });
  await emulators.connection({}, "webapicorso");
  await emulators.connection({}, "other");

  return {
    ...emulators,
    url: gateway.url,
    issuer,

    async ask(path: string, sent: Sent, headers: Record<string, string> = {}): Promise<Answer> {
      const body = new Uint8Array(sent.body);
      return read(await fetch(gateway.url + path, { method: "POST", headers: { ...sent.headers, ...headers }, body }));
    },

    /** How many requests the table, the secret store and Smart Services got since the start. */
    io: () => ({
      table: proxy.requests.length,
      secrets: secrets.calls.get("GetSecretValue") ?? 0,
      upstream: simulator.requests.length,
    }),

    /** The function's log line for a request. */
    async lineOf({ headers }: Answer): Promise<Line> {
      const id = headers.get("apigw-requestid");
      const [line, ...more] = await emulators.linesWhere(
        ({ requestId, message }) => requestId === id && message === "request",
      );
      if (!line || more.length > 0) throw new Error(`${id} has more than one line`);
      return line;
    },

    async close() {
      await gateway.close();
      await Promise.all([proxy, issuer].map((each) => each.close()));
      await emulators.close();
    },
  };
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
}

/** Whether Smart Services accepts a token for a connection. */
export const isAccepted = async ({ simulator }: OAuthBroker, token: unknown, id = "webapicorso"): Promise<boolean> =>
  (await business(simulator, token, accountOf(id).scope)).ok;
