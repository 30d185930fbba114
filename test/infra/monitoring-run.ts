import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { Service } from "../../functions/auth-core/metrics.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { callersFile, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { startEventBridge } from "../../local/eventbridge.ts";
import type { Route } from "../../local/gateway/options.ts";
import { startGateway } from "../../local/gateway/server.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { statusEvent } from "../../fixtures/status-event.ts";
import { tokenSetAt } from "../status/items.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { audience, startIssuer } from "../oauth/issuer.ts";
import { jwtOf, signingKey } from "../oauth/jwt.ts";
import { keyName, operatorOf } from "../support/operator.ts";
import { ORDERS } from "../local/gateway-harness.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { assertion, basic, clientCredentials, exchange } from "../oauth/requests.ts";
import { eventOf, urlencoded } from "../oauth/request-bodies.ts";
import { connectionId, fakeRegistration } from "../../fixtures/registration.ts";
import { startEcho } from "../support/echo-server.ts";
import { place, startFunctionEnvironment } from "../support/function-environment.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";

const oauthRoute = "POST /oauth/token";
const vendorRoute = "POST /api/v1/auth/token";
const metadataRoute = "GET /.well-known/oauth-authorization-server";
const day = 86_400;

/** How Smart Services responds when it issues no token. */
const modes = ["unavailable", "rate_limited", "html", "refused"] as const;
/** One connection for each outcome of a request. `nobody` has no secret. */
type Trial = (typeof trials)[number];
const trials = [
  "fine",
  ...modes,
  "empty",
  "spoilt",
  "locked",
  "uncommitted",
  "damaged",
  "gone",
  "nobody",
  "echo-200",
  "echo-302",
  "echo-401",
  "echo-503",
] as const;
/** Paths of the server that repeats credentials, one for each kind of response. */
const echoes = ["200", "302", "401", "503"] as const;
const trialOf = (service: string, trial: Trial) => connectionId(`${service}-${trial.replace("_", "-")}`);

type TableFault = (operation: string, body: string) => string | undefined;
type World = Awaited<ReturnType<typeof startWorld>>;

/** Starts the emulators with switchable faults, and the functions' bundles that use them. */
async function startWorld(stage: string) {
  const now = () => Date.now() / 1000;
  const at = { secretsAgo: 0 };
  const steps = { invoke: (_event: { Step?: unknown }): Promise<unknown> => Promise.resolve() };
  const faults: { table?: TableFault | undefined; secrets?: TableFault | undefined } = {};
  const emulators = await startFunctionEnvironment({
    clock: { now: () => now() - at.secretsAgo },
    sleep: () => Promise.resolve(),
    invokeRotation: (_functionArn, event) => steps.invoke(event),
  });
  const { table, secrets, simulator } = emulators;
  const proxy = await startTableProxy(table.config.endpoint, (...request) => faults.table?.(...request));
  const secretsProxy = await startTableProxy(secrets.url, (...request) => faults.secrets?.(...request));
  const bus = await startEventBridge(() => {});
  const busProxy = await startTableProxy(bus.url);
  const [issuer, echo] = await Promise.all([startIssuer(), startEcho()]);
  const gateways: { close: () => Promise<void> }[] = [];
  const answers: { answer?: unknown; error?: string }[] = [];

  return {
    ...emulators,
    issuer,
    echo,
    /** The result of each invocation, or the message of its error. */
    answers,
    /** Caller keys and JWTs that callers sent. */
    presented: [fakeCallerKey("oauth")],
    /** The requests that the functions sent to the stores and the event bus, with their responses. */
    recorded: { table: proxy.requests, secrets: secretsProxy.requests, events: busProxy.requests },
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
    async start(name: Service, variables: Record<string, string> = {}) {
      const connections = trials.map((trial) => trialOf(name, trial));
      const ci = {
        name: "ci",
        connections,
        oidc: { issuer: issuer.url, audience, claims: { sub: "repo:acme/shop:*" } },
      };
      const keySha256 = [name, "revoked"].map((key) => callerKeyHash(new Secret(fakeCallerKey(key))));
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
      const list = parseCallers([{ name, connections, keySha256 }, ci], { allowLoopbackHttp: true });
      const invoke = await emulators.start(name, all, callersFile(list, "tokens"));
      return async (event: unknown) => {
        try {
          const answer = await invoke(event);
          answers.push({ answer });
          return answer;
        } catch (error) {
          answers.push({ error: String(error) });
          throw error;
        }
      };
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
      await Promise.all([proxy, secretsProxy, busProxy, bus, issuer, echo].map((each) => each.close()));
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

/** Runs with every response of the table damaged, and then with every response of Secrets Manager. */
async function withDamage({ faults }: World, run: () => Promise<unknown>): Promise<void> {
  for (const damage of ["truncated", "corrupt"]) {
    for (const store of ["table", "secrets"] as const) {
      faults[store] = () => damage;
      await run();
      faults[store] = undefined;
    }
  }
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
  await missValidity(world, trialOf(service, "fine"), environment);
  for (const mode of modes) await inScenario(world, mode, () => ask(mode));
  for (const trial of ["empty", "nobody", "spoilt", "locked"] as const) await ask(trial);
  for (const status of echoes) {
    const connection = trialOf(service, `echo-${status}`);
    operator.put(connection, operator.key(connection, 1, { baseUrl: `${world.echo.url}/${status}` }));
    await ask(`echo-${status}`);
  }
  operator.put(trialOf(service, "spoilt"), "{}");
  await askExpired("spoilt");
  await withoutSecrets(world, "GetSecretValue", () => askExpired("locked"));
  await ask("gone");
  world.operator.remove(trialOf(service, "gone"));
  await askExpired("gone");
  await withTableFault(world, loseLease, () => ask("uncommitted"));
  await ask("damaged");
  await withDamage(world, () => askExpired("damaged"));
  for (const more of [noTable, badTable]) await (await environment(more))("fine");
}

/** Requests that get a token with too little time left, from the table, and from memory without the table. */
async function missValidity(
  world: World,
  connection: string,
  environment: () => Promise<(trial: Trial) => Promise<unknown>>,
): Promise<void> {
  const { table, now } = world;
  const at = (seconds: number) => ({ N: String(now() + seconds) });
  await table.put({ ...(await table.raw(connection)), obtainedAt: at(-3570), accessTokenExpiresAt: at(30) });
  await inScenario(world, "unavailable", async () => {
    const ask = await environment();
    await ask("fine");
    await withTableFault(
      world,
      () => "AccessDeniedException",
      () => ask("fine"),
    );
  });
  const { retryAt: _, ...item } = (await table.raw(connection)) ?? {};
  await table.put({ ...item, accessTokenExpiresAt: at(3000), failures: { N: "0" } });
}

/** Requests of callers outside AWS with every credential, and with credentials where none belongs. */
async function grant(world: World): Promise<void> {
  const { issuer, presented } = world;
  const revoked = fakeCallerKey("revoked");
  const revocation = { [callerKeyHash(new Secret(revoked))]: { M: { name: { S: "oauth" }, at: { N: "1" } } } };
  await world.table.put({ connection: { S: "#revoked-caller-keys" }, revokedKeys: { M: revocation } });
  const invoke = await world.start("oauth");
  const askToken = await world.start("token");
  const key = fakeCallerKey("oauth");
  const scope = trialOf("oauth", "fine");
  const named = { username: `admin_${scope}`, scope };
  const vendor = (credential: string, names: object = named) =>
    eventOf(vendorRoute, urlencoded({ ...names, token: `Bearer ${credential}` }));
  const refresh = (token: string) =>
    eventOf(oauthRoute, urlencoded({ grant_type: "refresh_token", refresh_token: token }));

  const { body } = (await invoke(vendor(key))) as { body: string };
  const { access_token: token, refresh_token: handle } = JSON.parse(body) as Record<string, string>;
  if (token === undefined || handle === undefined) throw new Error(`there is no refresh handle: ${body}`);
  const other = `stb_${"fake-key-of-nobody_".repeat(4).slice(0, 43)}`;
  const jwts = [
    issuer.token(),
    issuer.token({ exp: 1 }),
    issuer.token({ sub: "fake-stranger" }),
    jwtOf(signingKey("key-1"), { iss: issuer.url, aud: audience, sub: "repo:acme/shop:x" }),
  ];
  presented.push(...jwts, other, handle, revoked);
  for (const credential of [...jwts, key, other, handle, token, revoked]) {
    const tokenEvents = [
      tokenEvent("oauth-fine", { query: { min_ttl: credential } }),
      tokenEvent("oauth-fine", { post: JSON.stringify({ rejected_token_sha256: credential }) }),
      tokenEvent("oauth-fine", { post: credential }),
    ];
    for (const event of tokenEvents) await askToken(event);
    for (const event of [
      vendor(credential),
      vendor(key, { username: credential, scope: credential }),
      refresh(credential),
      refresh(`stbr.${scope}.${credential.slice(-43)}`),
      eventOf(oauthRoute, exchange(credential, { scope })),
      eventOf(oauthRoute, assertion(credential, { scope })),
      granted({ scope, client_secret: credential }),
      granted({ scope, client_id: credential }),
      granted({ scope: credential }),
      granted({ scope, grant_type: credential }),
      granted({ scope, [credential]: credential }),
      granted({ scope, rejected_token_sha256: credential }),
      eventOf(oauthRoute, { ...clientCredentials({ scope }), headers: headersOf(credential) }),
      eventOf(oauthRoute, { ...clientCredentials({ scope }), headers: { ...headersOf(key), origin: credential } }),
      eventOf(oauthRoute, { headers: { "content-type": credential }, body: Buffer.from(credential) }),
      eventOf(vendorRoute, { headers: { "content-type": "multipart/form-data" }, body: Buffer.from(credential) }),
    ]) {
      await invoke(event);
    }
  }
  issuer.instead.set("*", (_, response) => void response.writeHead(500).end());
  await (await world.start("oauth"))(vendor(jwts[0] ?? ""));
  issuer.instead.clear();
}

const headersOf = (credential: string) => ({
  "content-type": "application/x-www-form-urlencoded",
  ...basic("oauth", credential),
});

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
  const unadmitted = {
    username: "fake",
    scope: "fake",
    apiKey: "fake-key-sweep-issued",
    keyIssuer: `${simulator.url}/keys`,
  };
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
  for (const status of echoes) {
    const connection = connectionId(`sweep-echo-${status}`);
    const text = operator.key(connection, 1, { baseUrl: `${world.echo.url}/${status}` });
    const { credentialFingerprint } = fakeRegistration(JSON.parse(text));
    const echoed = tokenSetAt(now(), {
      credentialFingerprint,
      dueAt: now() - 60,
      refreshToken: new Secret(`fake-refresh-${status}`),
    });
    await world.due(connection, { tokenSet: echoed }, text);
  }
  await run();
  await withDamage(world, async () => {
    await world.due("sweep-damaged", { skipRefresh: true });
    await run().catch(() => undefined);
  });
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
  await rotate("issued", { current: { keyIssuer: `${simulator.url}/keys` } });
  for (const status of echoes) {
    await rotate(`echo-${status}`, { next: second, current: { baseUrl: `${world.echo.url}/${status}` } });
    await rotate(`echo-${status}-keys`, { current: { keyIssuer: `${world.echo.url}/${status}` } });
  }
  await inScenario(world, "unavailable", () => rotate("down", { next: second }));
  steps.invoke = (event) => {
    const connection = connectionId("rotated-superseded");
    if (event.Step === "finishSecret") operator.put(connection, operator.key(connection, 3));
    return invoke(event);
  };
  await rotate("superseded", { next: second });
  steps.invoke = invoke;
  await withoutSecrets(world, "DescribeSecret", () => rotate("locked", { next: second }));
  let damaged = 0;
  await withDamage(world, () => rotate(`damaged-${(damaged += 1)}`, { next: second }));
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
    await grant(world);
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
