import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { encodeItem } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import type { GatewayEvent, Route } from "../../local/gateway/options.ts";
import { pipelineAudience, startIssuer } from "../../local/issuer.ts";
import { startFunction } from "../../local/lambda/function.ts";
import type { TokenEvent } from "../handler/event.ts";
import { startBroker } from "../handler/harness.ts";
import { gateway, ORDERS, send, signed } from "../local/gateway-harness.ts";
import { emulatorConfig } from "../support/aws.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../support/registration.ts";
import { document, operationsOf } from "./document.ts";

export const callerKey = `stb_${"fake-caller-key-".padEnd(43, "0")}`;

/** Whatever `broker.connection()` makes. */
const connections = Array.from({ length: 60 }, (_, index) => `connection-${index + 1}`);

const mayEverything = { ...ORDERS, allow: ["*"] };

export type Asked = Parameters<typeof signed>[1] & { route: string };
export type Whole = Awaited<ReturnType<typeof startWholeBroker>>;

/** Both functions' bundles on one table, secret store and upstream, with an issuer whose JWTs are accepted. */
export async function startWholeBroker() {
  const broker = await startBroker();
  const issuer = await startIssuer(connections);
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-openapi-"));
  const callers = [
    { name: "fake-php", connections, keySha256: [callerKeyHash(new Secret(callerKey))] },
    {
      name: "fake-ci",
      connections,
      oidc: { issuer: issuer.url, audience: pipelineAudience, claims: { sub: "repo:acme/shop:*" } },
    },
  ];
  bundleFunction("oauth", { folder, files: { "callers.json": JSON.stringify(callers) } });
  const operator = new SecretsManagerClient(emulatorConfig(broker.secrets.url));

  const start =
    (name: string, at: string) =>
    (more: Record<string, string> = {}) =>
      startFunction({
        name,
        folder: at,
        handler: "index.handler",
        timeoutSeconds: 25,
        memoryMegabytes: 256,
        onLog: () => undefined,
        environment: {
          [environmentVariables.stage]: "test",
          [environmentVariables.tableName]: broker.table.name,
          [environmentVariables.secretPrefix]: "smart-token-broker/test",
          [environmentVariables.defaultBaseUrl]: broker.simulator.url,
          [environmentVariables.allowLoopbackHttp]: "true",
          AWS_REGION: "eu-south-1",
          AWS_ACCESS_KEY_ID: "FAKEID",
          AWS_SECRET_ACCESS_KEY: "fake-secret",
          AWS_ENDPOINT_URL_DYNAMODB: broker.table.config.endpoint,
          AWS_ENDPOINT_URL_SECRETS_MANAGER: broker.secrets.url,
          AWS_CONFIG_FILE: "/dev/null",
          AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
          ...more,
        },
      });
  const startOAuth = start("oauth", folder);
  const startStatus = start("status", bundleFunction("status"));
  // A table of another shape refuses the request itself: nothing that the broker knows how to answer.
  const ofOtherShape = { [environmentVariables.tableName]: "x" };
  // Nobody is there: the table does not answer.
  const ofNobody = { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" };
  const [oauth, brokenOAuth, brokenToken, status, brokenStatus, lonelyStatus] = await Promise.all([
    startOAuth(),
    startOAuth(ofOtherShape),
    broker.environment(ofOtherShape),
    startStatus(),
    startStatus(ofOtherShape),
    startStatus(ofNobody),
  ]);
  const functions = {
    sound: { token: broker.ask, oauth: oauth.invoke, status: status.invoke },
    broken: { token: brokenToken, oauth: brokenOAuth.invoke, status: brokenStatus.invoke },
    lonely: { token: brokenToken, oauth: brokenOAuth.invoke, status: lonelyStatus.invoke },
  };

  return {
    ...broker,

    /** The answer to a request, through a gateway with the document's routes. Signed, where the route asks for it. */
    async request({ route, ...what }: Asked, state: keyof typeof functions = "sound") {
      const { token, oauth: invokeOAuth, status: invokeStatus } = functions[state];
      const invoke = (event: GatewayEvent) => {
        if (event.routeKey.includes("/v1/status")) return invokeStatus(event);
        return event.routeKey.includes("/v1/connections/") ? token(event as unknown as TokenEvent) : invokeOAuth(event);
      };
      return ask({ route, ...what }, { invoke });
    },

    /** A JWT, as a pipeline comes with. */
    async jwt(): Promise<string> {
      const body = new URLSearchParams({ grant_type: "client_credentials" });
      const response = await fetch(`${issuer.url}/token`, { method: "POST", body });
      return ((await response.json()) as { access_token: string }).access_token;
    },

    /** Stores a token that has ended: whoever asks next has to look at the secret again. */
    async expire(id: string): Promise<void> {
      const ended = { accessTokenExpiresAt: 2, obtainedAt: 1, dueAt: 1 };
      const names = { username: `admin_${id}`, registeredScope: `scope_${id}` };
      const tokenSet = fakeTokenSet({ ...ended, ...names });
      const item = { connection: connectionId(id), generation: 1, failures: 0, tokenSet, nextActionAt: 1 };
      await broker.table.put(encodeItem(item));
    },

    async remove(id: string): Promise<void> {
      const SecretId = `smart-token-broker/test/${id}`;
      await operator.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    },

    async close() {
      operator.destroy();
      await Promise.all([oauth, brokenOAuth, status, brokenStatus, lonelyStatus].map((each) => each.close()));
      await Promise.all([issuer.close(), broker.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a request to a gateway of the document's routes that lives as long as the test. */
export async function ask(
  { route, ...what }: Asked,
  how: Pick<Route, "invoke" | "throttle"> & { timeoutMs?: number; unsigned?: boolean },
) {
  const { timeoutMs, unsigned = false, ...every } = how;
  const routes = [...operationsOf(document)].map(([routeKey, { security }]): Route => {
    const isSigned = security.some((way) => "sigV4" in way);
    return { routeKey, authorization: isSigned ? "AWS_IAM" : "NONE", ...every };
  });
  const started = await gateway({ routes, identities: [mayEverything], ...(timeoutMs !== undefined && { timeoutMs }) });
  const [method, path] = route.split(" ");
  const whole = { method, path, ...what };
  const isSigned = !unsigned && routes.some((each) => each.routeKey === route && each.authorization === "AWS_IAM");
  if (isSigned) return send(started, await signed(started, whole, { identity: mayEverything }));
  const query = what.query ? `?${new URLSearchParams(what.query as Record<string, string>).toString()}` : "";
  return send(started, { method, target: `${whole.path}${query}`, headers: what.headers, body: what.body });
}
