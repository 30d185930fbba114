import { encodeItem } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { callersFile, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { GatewayEvent, Route } from "../../local/gateway/options.ts";
import { pipelineAudience, startIssuer } from "../../local/callers/issuer.ts";
import { gateway, ORDERS, send, signed } from "../local/gateway-harness.ts";
import { accountOf, startFunctionEnvironment } from "../support/function-environment.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { document, operationsOf } from "./document.ts";

export const callerKey = `stb_${"fake-caller-key-".padEnd(43, "0")}`;

/** Every id that `connection()` can give. */
const connections = Array.from({ length: 200 }, (_, index) => `connection-${index + 1}`);

const mayEverything = { ...ORDERS, allow: ["*"] };

export type TestRequest = Parameters<typeof signed>[1] & { route: string };
export type HttpFunctions = Awaited<ReturnType<typeof startHttpFunctions>>;
export type Response = Awaited<ReturnType<HttpFunctions["request"]>>;

/** The three HTTP functions on the same emulators, with an issuer whose JWTs are accepted. */
export async function startHttpFunctions() {
  const emulators = await startFunctionEnvironment();
  const issuer = await startIssuer(connections);
  const callers = [
    { name: "fake-php", connections, keySha256: [callerKeyHash(new Secret(callerKey))] },
    {
      name: "fake-ci",
      connections,
      oidc: { issuer: issuer.url, audience: pipelineAudience, claims: { sub: "repo:acme/shop:*" } },
    },
  ];
  const files = callersFile(parseCallers(callers, { allowLoopbackHttp: true }), "tokens");
  const start = async (variables: Record<string, string> = {}) => {
    const token = await emulators.start("token", variables);
    const oauth = await emulators.start("oauth", variables, files);
    const status = await emulators.start("status", variables);
    return { token, oauth, status };
  };
  const functions = {
    sound: await start(),
    // DynamoDB rejects this table name, which the broker does not expect: an internal error.
    broken: await start({ [environmentVariables.tableName]: "x" }),
    withoutTable: await start({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" }),
  };

  return {
    ...emulators,

    /** The response to a request through a gateway with the document's routes; signed, if the route needs it. */
    async request({ route, ...what }: TestRequest, state: keyof typeof functions = "sound") {
      const { token, oauth, status } = functions[state];
      const invoke = (event: GatewayEvent) => {
        if (event.routeKey.includes("/v1/status")) return status(event);
        return event.routeKey.includes("/v1/connections/") ? token(event) : oauth(event);
      };
      const routes = [...operationsOf(document)].map(([routeKey, { security }]): Route => {
        const isSigned = security.some((way) => "sigV4" in way);
        return { routeKey, authorization: isSigned ? "AWS_IAM" : "NONE", invoke };
      });
      const started = await gateway({ routes, identities: [mayEverything] });
      const [method, path] = route.split(" ");
      const whole = { method, path, ...what };
      if (routes.some((each) => each.routeKey === route && each.authorization === "AWS_IAM")) {
        return send(started, await signed(started, whole, { identity: mayEverything }));
      }
      return send(started, { method, target: path, headers: what.headers, body: what.body });
    },

    /** A JWT of a pipeline. */
    async jwt(): Promise<string> {
      const body = new URLSearchParams({ grant_type: "client_credentials" });
      const response = await fetch(`${issuer.url}/token`, { method: "POST", body });
      return ((await response.json()) as { access_token: string }).access_token;
    },

    /** Stores an item for a connection, with some fields of it and of its token set replaced. */
    async store(id: string, set: Partial<TokenSet>, fields: Partial<ConnectionItem> = {}): Promise<void> {
      const { username, scope } = accountOf(id);
      const tokenSet = fakeTokenSet({ username, registeredScope: scope, ...set });
      const item = { connection: connectionId(id), generation: 1, failures: 0, tokenSet, nextActionAt: 1, ...fields };
      await emulators.table.put(encodeItem(item));
    },

    async close() {
      await issuer.close();
      await emulators.close();
    },
  };
}
