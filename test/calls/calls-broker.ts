import { callersFile, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { callMethods } from "../../functions/auth-core/rules/callers/call-rules.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { writableRevokedKeys } from "../../functions/auth-core/adapters/revoked-key-table.ts";
import { deployedDynamoDb } from "../../fixtures/deployed-dynamodb.ts";
import { startGateway } from "../../local/gateway/server.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { startIssuer } from "../oauth/issuer.ts";
import { accountOf, type Line, place, startFunctionEnvironment } from "../support/function-environment.ts";
import { startBusinessApi } from "./business-api.ts";
import { rules } from "./cases.ts";

const portalOrigin = "https://portal.test";
const portalAudience = "fake-portal";

/** The entries of the function: a key, and an application whose users' JWTs list their connections. */
function callsCallers(issuer: string): object[] {
  const keySha256 = [callerKeyHash(new Secret(fakeCallerKey("erp")))];
  return [
    {
      name: "erp",
      connections: ["acme", "unregistered", "no-api"],
      keySha256,
      calls: rules,
    },
    {
      name: "portal",
      oidc: { issuer, audience: portalAudience, connectionsClaim: "smart_services" },
      origins: [portalOrigin],
      calls: [{ methods: ["GET"], path: "/api/v1/{scope}/CO/**" }],
    },
  ];
}

/** Claims of a user of the portal who may use these connections. */
export const userClaims = (...connections: string[]) => ({
  aud: portalAudience,
  sub: "fake-user-1",
  smart_services: connections,
});

export const erp = { authorization: `Bearer ${fakeCallerKey("erp")}` };

export type CallsBroker = Awaited<ReturnType<typeof startCallsBroker>>;

/**
 * The function calls behind a gateway, on emulators, and a business API. The connections `acme` and `other` are registered
 * with it, `no-api` without.
 */
export async function startCallsBroker() {
  const emulators = await startFunctionEnvironment();
  const [issuer, api] = await Promise.all([startIssuer(), startBusinessApi()]);
  const files = callersFile(parseCallers(callsCallers(issuer.url), { allowLoopbackHttp: true }), "calls");
  const invoke = await emulators.start("calls", {}, files);
  const gatewayWith = (decodesPath: boolean) =>
    startGateway({
      port: 0,
      apiId: "fakeapi",
      ...place,
      stage: "$default",
      identities: [],
      clock: emulators.clock,
      decodesPath,
      routes: callMethods.map((method) => ({
        routeKey: `${method} /v1/connections/{connection}/api/{path+}`,
        authorization: "NONE" as const,
        invoke,
      })),
    });
  const gateways = { encoded: await gatewayWith(false), decoded: await gatewayWith(true) };
  const apiBaseUrl = `${api.url}/base`;
  await emulators.connection({ apiBaseUrl }, "acme");
  await emulators.connection({ apiBaseUrl }, "other");
  await emulators.connection({}, "no-api");

  return {
    ...emulators,
    issuer,
    api,
    urls: { encoded: gateways.encoded.url, decoded: gateways.decoded.url },
    /** The registered scope of `acme`. */
    scope: accountOf("acme").scope,
    revoked: writableRevokedKeys(emulators.table.name, deployedDynamoDb(emulators.table.config.endpoint)),

    /** The function's log line for a response. */
    async lineOf(id: string): Promise<Line> {
      const [line] = await emulators.linesWhere((each) => each["requestId"] === id && each["message"] === "request");
      return line ?? {};
    },

    async close() {
      await Promise.all([...Object.values(gateways), issuer, api].map((each) => each.close()));
      await emulators.close();
    },
  };
}
