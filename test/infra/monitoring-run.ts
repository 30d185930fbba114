import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { Service } from "../../functions/auth-core/metrics.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/caller-key.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/partition.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { startEventBridge } from "../../local/eventbridge.ts";
import type { Route } from "../../local/gateway/options.ts";
import { startGateway } from "../../local/gateway/server.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { statusEvent } from "../status/status-function.ts";
import { tokenSetAt } from "../status/items.ts";
import { tokenEvent } from "../handler/event.ts";
import { keyName, operatorOf } from "../keys/operator.ts";
import { ORDERS } from "../local/gateway-harness.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { clientCredentials } from "../oauth/requests.ts";
import { eventOf, urlencoded } from "../oauth/request-bodies.ts";
import { connectionId, fakeRegistration } from "../support/registration.ts";
import { place, startFunctionEnvironment } from "../support/function-environment.ts";
import { startTableProxy } from "../support/table-proxy.ts";

const oauthRoute = "POST /oauth/token";
const metadataRoute = "GET /.well-known/oauth-authorization-server";
const day = 86_400;

/** One connection for each outcome of a request. `nobody` has no secret. */
type Trial = (typeof trials)[number];
const trials = [
  "fine",
  "down",
  "html",
  "refused",
  "empty",
  "spoilt",
  "locked",
  "uncommitted",
  "gone",
  "nobody",
] as const;
const trialOf = (service: string, trial: Trial) => connectionId(`${service}-${trial}`);

type TableFault = (operation: string, body: string) => string | undefined;
type World = Awaited<ReturnType<typeof startWorld>>;

/** Starts the emulators with switchable faults, and the functions' bundles that use them. */
async function startWorld(stage: string) {
  const now = () => Date.now() / 1000;
  const at = { secretsAgo: 0 };
  const steps = { invoke: (_event: { Step?: unknown }): Promise<unknown> => Promise.resolve() };
  const faults: { table?: TableFault | undefined } = {};
  const emulators = await startFunctionEnvironment({
    clock: { now: () => now() - at.secretsAgo },
    sleep: () => Promise.resolve(),
    invokeRotation: (_functionArn, event) => steps.invoke(event),
  });
  const { table, secrets, simulator } = emulators;
  const proxy = await startTableProxy(table.config.endpoint, (...request) => faults.table?.(...request));
  const secretsProxy = await startTableProxy(secrets.url);
  const bus = await startEventBridge(() => {});
  const busProxy = await startTableProxy(bus.url);
  const gateways: { close: () => Promise<void> }[] = [];

  return {
    ...emulators,
    now,
    at,
    steps,
    faults,
    gateways,
    operator: operatorOf(secrets.store, simulator),

    /** The actions of IAM that the requests of a function need. */
    actionsOf: (name: Service): Set<string> =>
      new Set(
        Object.entries({ dynamodb: proxy, secretsmanager: secretsProxy, events: busProxy }).flatMap(
          ([service, { requests }]) =>
            requests
              .filter(({ accessKeyId }) => accessKeyId === accessKeyOf(name))
              .map(({ operation }) => `${service}:${operation}`),
        ),
      ),
    /** The sources of all events that the functions sent. */
    eventSources: () => new Set(bus.events.map(({ source }) => source)),

    /** Starts a new execution environment of a function and returns its invoke. */
    start(name: Service, variables: Record<string, string> = {}) {
      const connections = trials.map((trial) => trialOf(name, trial));
      const keySha256 = [callerKeyHash(new Secret(fakeCallerKey(name)))];
      const all = {
        [environmentVariables.stage]: stage,
        [environmentVariables.rotateKeysEveryDays]: "90",
        // The gateway of the probes verifies signatures. All others say only which function sends a request.
        AWS_ACCESS_KEY_ID: name === "prober" ? ORDERS.accessKeyId : accessKeyOf(name),
        AWS_SECRET_ACCESS_KEY: ORDERS.secretAccessKey,
        AWS_ENDPOINT_URL_DYNAMODB: proxy.url,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsProxy.url,
        AWS_ENDPOINT_URL_EVENTBRIDGE: busProxy.url,
        ...variables,
      };
      return emulators.start(name, all, { "callers.json": JSON.stringify([{ name, connections, keySha256 }]) });
    },

    /** Stores a connection that is due, with a live refresh token of its registered key. */
    async due(name: string, more: Partial<ConnectionItem> = {}, value?: string) {
      const connection = connectionId(name);
      const secret = value ?? this.operator.key(connection, 1);
      this.operator.put(connection, secret);
      const { credentialFingerprint } = fakeRegistration(JSON.parse(this.operator.key(connection, 1)));
      const tokenSet = tokenSetAt(now(), { credentialFingerprint, dueAt: now() - 60 });
      const item = { connection, generation: 1, failures: 0, nextActionAt: now() - 60, tokenSet, ...more };
      await table.put({ ...encodeItem(item), partition: { N: String(partitionOf(connection)) } });
      return connection;
    },

    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await emulators.close();
      await Promise.all([proxy, secretsProxy, busProxy, bus].map((each) => each.close()));
    },
  };
}

const accessKeyOf = (name: Service) => `FAKE${name.replaceAll("-", "").toUpperCase()}`;

/** A table that does not respond, and one whose name DynamoDB rejects. */
const noTable = { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" };
const badTable = { [environmentVariables.tableName]: "x" };
/** Makes the commit of a replacement find its lease lost. */
const loseLease = (_operation: string, body: string) =>
  body.includes(":fenceOwner") ? "ConditionalCheckFailedException" : undefined;

async function withTableFault(world: World, fault: TableFault, run: () => Promise<unknown>): Promise<void> {
  world.faults.table = fault;
  await run();
  world.faults.table = undefined;
}

async function withoutSecrets({ secrets }: World, operation: string, run: () => Promise<unknown>): Promise<void> {
  secrets.faults.set(operation, "AccessDeniedException");
  await run();
  secrets.faults.clear();
}

async function inScenario({ simulator }: World, mode: Scenario["mode"], run: () => Promise<unknown>): Promise<void> {
  simulator.setScenario({ mode });
  await run();
  simulator.setScenario({ mode: "ok" });
}

/** A caller's token request, for each function that returns tokens. */
const requestOf = {
  token: (connection: string, rejected?: string) =>
    tokenEvent(connection, { post: rejected && JSON.stringify({ rejected_token_sha256: rejected }) }),
  oauth: (connection: string, rejected?: string) =>
    granted({ scope: connection, ...(rejected && { rejected_token_sha256: rejected }) }),
};
const granted = (more: Record<string, string>) =>
  eventOf(oauthRoute, clientCredentials({ client_id: "oauth", client_secret: fakeCallerKey("oauth"), ...more }));

/** Requests that are wrong for any connection. */
const wrongRequests = {
  token: [tokenEvent("token-fine", { query: { min_ttl: "fake" } })],
  oauth: [
    eventOf(oauthRoute, urlencoded({})),
    granted({ client_secret: "fake" }),
    granted({ scope: "fake" }),
    eventOf(oauthRoute, urlencoded({ grant_type: "refresh_token", refresh_token: "fake" })),
    eventOf(oauthRoute, urlencoded({ grant_type: "fake" })),
    eventOf(metadataRoute, { headers: {}, body: Buffer.alloc(0) }),
  ],
};

/** Runs every trial against a function that returns tokens. */
async function serve(world: World, service: "token" | "oauth"): Promise<void> {
  const { operator, table } = world;
  const environment = async (more?: Record<string, string>) => {
    const invoke = await world.start(service, more);
    return (trial: Trial) => invoke(requestOf[service](trialOf(service, trial)));
  };
  /** Requests a token in a new environment, after the stored access token expired. */
  async function askExpired(trial: Trial) {
    const item = await table.raw(trialOf(service, trial));
    const past = { N: "1" };
    await table.put({ ...item, accessTokenExpiresAt: past, attemptedAt: past });
    await (await environment())(trial);
  }
  for (const trial of trials) {
    const connection = trialOf(service, trial);
    if (trial === "empty") operator.empty(connection);
    else if (trial !== "nobody") operator.put(connection, operator.key(connection, 1));
  }

  const ask = await environment();
  for (const _ of ["upstream", "memory"]) await ask("fine");
  await (await environment())("fine");
  const { accessToken } = (await table.raw(trialOf(service, "fine"))) ?? {};
  const tooSoon = requestOf[service](trialOf(service, "fine"), sha256Hex(accessToken?.S ?? ""));
  const invoke = await world.start(service);
  for (const event of [tooSoon, ...wrongRequests[service]]) await invoke(event);
  await askExpired("fine");
  for (const [trial, mode] of [
    ["down", "unavailable"] as const,
    ["html", "html"] as const,
    ["refused", "refused"] as const,
  ]) {
    await inScenario(world, mode, () => ask(trial));
  }
  for (const trial of ["empty", "nobody", "spoilt", "locked"] as const) await ask(trial);
  operator.put(trialOf(service, "spoilt"), "{}");
  await askExpired("spoilt");
  await withoutSecrets(world, "GetSecretValue", () => askExpired("locked"));
  await ask("gone");
  world.operator.remove(trialOf(service, "gone"));
  await askExpired("gone");
  await withTableFault(world, loseLease, () => ask("uncommitted"));
  for (const more of [noTable, badTable]) await (await environment(more))("fine");
}

async function askStatus(world: World): Promise<void> {
  const invoke = await world.start("status");
  const wrong = statusEvent({ query: { limit: "fake" } });
  for (const event of [statusEvent(), wrong, statusEvent({ connection: "nobody" })]) await invoke(event);
  for (const more of [noTable, badTable]) await (await world.start("status", more))(statusEvent());
}

/** Sweeps over every state of a connection, its secret and its keys. */
async function sweep(world: World): Promise<void> {
  const { operator, secrets, simulator, at, now } = world;
  const invoke = await world.start("token-rotation");
  const run = () => invoke({ shard: 0, shards: 1 });
  await world.due("sweep-fine");
  await world.due("sweep-unrefreshed", { skipRefresh: true });
  await world.due("sweep-spoilt", {}, "{}");
  await world.due("sweep-lost");
  await world.due("sweep-buggy");
  world.operator.remove(await world.due("sweep-gone"));
  const revoked = await world.due("sweep-revoked", { skipRefresh: true });
  simulator.revokeKey(keyName(revoked, 1));

  const soon = await world.due("sweep-soon");
  operator.startRotation(soon, undefined, { RotationRules: { AutomaticallyAfterDays: 1 }, RotateImmediately: false });
  await secrets.rotationsSettled();
  at.secretsAgo = 2 * day;
  const stuck = await world.due("sweep-stuck");
  operator.put(stuck, operator.key(stuck, 2), ["AWSPENDING"]);
  at.secretsAgo = 0;
  // The issuer did not issue its key, so it rejects the revocation of the old one.
  const unadmitted = { username: "fake", scope: "fake", apiKey: "fake-key-1", keyIssuer: `${simulator.url}/keys` };
  const retiringKeys = { aaaaaaaaaaaaaaaa: { since: 1, end: 2, id: "key-9" } };
  const tokenSet = tokenSetAt(now());
  const ending = { obtainedAt: now() - 3 * day, dueAt: now() - 600, refreshTokenExpiresAt: now() + day };
  await world.due("sweep-ending", { failures: 1, tokenSet: tokenSetAt(now(), ending) });
  await world.due("sweep-issued", { tokenSet, retiringKeys }, JSON.stringify(unadmitted));

  const unreadable = (operation: string, body: string) => {
    if (operation !== "GetItem") return undefined;
    if (body.includes("sweep-lost")) return "AccessDeniedException";
    return body.includes("sweep-buggy") ? "ValidationException" : undefined;
  };
  await withTableFault(world, unreadable, run);
  await world.due("sweep-uncommitted");
  await withTableFault(world, loseLease, run);
  for (const mode of ["unavailable", "html"] as const) {
    await world.due(`sweep-${mode}`);
    await inScenario(world, mode, run);
  }
  await world.due("sweep-locked");
  await withoutSecrets(world, "GetSecretValue", run);
}

/** Key rotations with every outcome, started by the embedded Secrets Manager. */
async function rotateKeys(world: World): Promise<void> {
  const { operator, secrets, simulator, steps } = world;
  const invoke = await world.start("key-rotation");
  steps.invoke = invoke;
  async function rotate(name: string, more: { next?: (second: string) => string; current?: object } = {}) {
    const connection = connectionId(`rotated-${name}`);
    operator.put(connection, operator.key(connection, 1, { ...more.current }));
    if (more.next) operator.stage(connection, more.next(operator.key(connection, 2)));
    operator.startRotation(connection);
    await secrets.rotationsSettled();
  }
  const second = (next: string) => next;

  await rotate("fine", { next: second });
  await rotate("unstaged");
  await rotate("malformed", { next: () => '{"apiKey": 7}' });
  await rotate("refused", { next: () => "fake-key-of-nobody" });
  await rotate("elsewhere", { next: () => '{"apiKey": "fake-key-2", "scope": "fake-other"}' });
  const revokedIssuer = { keyIssuer: `${simulator.url}/keys`, apiKey: "fake-key-of-nobody" };
  await rotate("unissued", { current: revokedIssuer });
  await inScenario(world, "unavailable", () => rotate("down", { next: second }));
  steps.invoke = (event) => {
    const connection = connectionId("rotated-superseded");
    if (event.Step === "finishSecret") operator.put(connection, operator.key(connection, 3));
    return invoke(event);
  };
  await rotate("superseded", { next: second });
  steps.invoke = invoke;
  await withoutSecrets(world, "DescribeSecret", () => rotate("locked", { next: second }));
  const unwritable = (operation: string) => (operation === "UpdateItem" ? "ValidationException" : undefined);
  await withTableFault(world, unwritable, () => rotate("buggy", { next: second }));
}

/** Probes of the token function behind correct and wrong gateways. */
async function probe(world: World): Promise<void> {
  const connection = connectionId("webapicorso");
  world.operator.put(connection, world.operator.key(connection, 1));
  const invoke = await world.start("prober");
  const ask = (url: string, of: string = connection) =>
    invoke({ url: `${url}/v1/connections/${of}/token`, connection: of, region: place.region });
  async function behind(authorization: Route["authorization"], route: Route["invoke"]): Promise<string> {
    const gateway = await startGateway({
      ...place,
      port: 0,
      apiId: "api1",
      stage: "$default",
      identities: [ORDERS],
      clock: world,
      routes: [{ routeKey: "GET /v1/connections/{connection}/token", authorization, invoke: route }],
    });
    world.gateways.push(gateway);
    return gateway.url;
  }
  const token = await world.start("token");
  const right = await behind("AWS_IAM", token);
  await ask(right);
  await ask(right, "not-allowed");
  await ask(await behind("NONE", token));
  await ask(await behind("AWS_IAM", () => Promise.resolve({ statusCode: 200, body: "{}" })));
  await ask("http://127.0.0.1:1");
}

/** Runs every function's bundle so that it emits all its metrics. Lines may still arrive in `output` afterwards. */
export async function runEverything(stage: string): Promise<World> {
  const world = await startWorld(stage);
  try {
    await serve(world, "token");
    await serve(world, "oauth");
    await askStatus(world);
    await sweep(world);
    await rotateKeys(world);
    await probe(world);
  } catch (error) {
    await world.close();
    throw error;
  }
  return world;
}
