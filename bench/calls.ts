import { generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { callersFile, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { startEnvironment } from "../fixtures/lambda/environment.ts";
import { listen } from "../fixtures/listen.ts";
import { tokenEvent } from "../fixtures/token-event.ts";
import { runtimeClient } from "../tools/runtime-client.ts";
import { bundlesFor } from "./bundles.ts";
import { clientNote, firstResponse, overTls, plainClient, type Times } from "./cold.ts";
import { type Figure, figureOf, median, type Report } from "./figures.ts";
import { callerKey, type Parts, startParts, storedItem } from "./parts.ts";
import type { Size } from "./scenario.ts";
import { startReplay } from "./replay.ts";
import { startTls } from "./tls.ts";
import { peakOf } from "./usage.ts";

/** Connections with the same answers, over http and over https. */
const plain = "bench-1" as ConnectionId;
const secure = "bench-2" as ConnectionId;
const smallBytes = 10_000;
const largeBytes = 4_000_000;

/** Measures what a call adds to a request of undici alone, how a new environment makes its first, and its memory. */
export async function calls(size: Size): Promise<Report> {
  const parts = await startParts();
  const bundles = bundlesFor();
  const api = await serve((request, response) => {
    const bytes = request.url?.endsWith("large") ? largeBytes : smallBytes;
    response
      .writeHead(200, { "content-type": "text/plain", "content-length": bytes })
      .end(Buffer.alloc(bytes, "0123456789abcdef"));
  });
  const issuer = await startIssuer();
  const { environment, files, close } = await overTls(parts, bundles.folder);
  const tls = await startTls(api.url, files);
  try {
    await parts.table.put(itemOf(plain, api.url), itemOf(secure, tls.url));
    const folder = bundles.deployed("calls", callersWithCalls(issuer.url));
    const warm = await addedCpu(size, parts, folder, bundles.ours("fetch-api"), { api: api.url, jwt: issuer.jwt });
    const client = runtimeClient() ?? plainClient;
    const subjects: Record<string, Subject> = {
      empty: { folder: bundles.ours("empty") },
      limit: { folder: bundles.ours("limit"), variables: { READS: "2", CALL: `${tls.url}/small` } },
      calls: { folder },
    };
    const times = await coldStarts(size, client, environment, subjects);
    const folders = { calls: folder, alone: bundles.ours("large-answer") };
    const grown = await growth(size, client, folders, parts.environment);
    return {
      figures: [...warm, ...coldFigures(times), ...grown],
      notes: [clientNote(runtimeClient() !== undefined), ...notes],
    };
  } finally {
    tls.close();
    close();
    await Promise.all([api.close(), issuer.close()]);
    bundles.remove();
    await parts.close();
  }
}

const notes = [
  "*RS256*: a page's calls with one JWT. An environment verifies its signature once in 60 s.",
  "*CPU added*: that of the whole process of the function, with the answer of 10 KB as base64, less that of undici alone. Both take turns.",
  "*limit of a call*: two signed GetItems over node's HTTPS, one after another, and one GET over it.",
  "*memory*: how much the peak of RSS grows while the runtime client handles one call, after others with small answers. " +
    "*the runtime client alone*: a handler that has the bytes, and returns them in base64.",
];

const serve = (listener: RequestListener) => listen(createServer(listener));

/** An issuer that publishes one RSA key, and JWTs of it that live for an hour. */
async function startIssuer() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "key-1", alg: "RS256", use: "sig" };
  const server = await serve(({ url }, response) => {
    const documents = { issuer: server.url, jwks_uri: `${server.url}/keys` };
    response.end(JSON.stringify(url === "/keys" ? { keys: [key] } : documents));
  });
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: server.url, aud: "bench", sub: "fake-user", iat: now, exp: now + 3600 };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const jwt = (number: number) => {
    const signed = `${encode({ alg: "RS256", typ: "JWT", kid: key.kid })}.${encode({ ...claims, jti: `${number}` })}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
  };
  return { ...server, jwt };
}

/** The list of the function: a caller with a key, and one user. */
function callersWithCalls(issuer: string): Record<string, string> {
  const common = { connections: [plain, secure], calls: [{ methods: ["GET"], path: "/answers/{scope}/*" }] };
  const list = [
    { name: "bench", keySha256: [callerKeyHash(callerKey)], ...common },
    { name: "page", oidc: { issuer, audience: "bench", claims: { sub: "fake-user" } }, ...common },
  ];
  return callersFile(parseCallers(list, { allowLoopbackHttp: true }), "calls");
}

const itemOf = (connection: ConnectionId, apiBaseUrl: string) => ({
  ...storedItem(connection, Date.now() / 1000),
  apiBaseUrl: { S: apiBaseUrl },
});

/** The event of a call. */
function callEvent(connection: ConnectionId, name: "small" | "large", credential = callerKey.reveal()): object {
  const path = `answers/${connection}/${name}`;
  const event = tokenEvent(connection, { rawPath: `/v1/connections/${connection}/api/${path}` });
  const routeKey = "GET /v1/connections/{connection}/api/{path+}";
  return {
    ...event,
    routeKey,
    pathParameters: { connection, path },
    headers: { accept: "*/*", authorization: `Bearer ${credential}` },
    requestContext: { ...event.requestContext, authorizer: undefined, routeKey },
  };
}

async function addedCpu(
  size: Size,
  parts: Parts,
  folder: string,
  alone: string,
  { api, jwt }: { api: string; jwt: (number: number) => string },
): Promise<Figure[]> {
  const [rounds, requests] = size === "full" ? [21, 400] : [1, 5];
  const functions = await startReplay({ calls: folder, undici: alone }, parts.environment);
  const subjects = {
    undici: ["undici", () => ({ url: `${api}/small` })],
    "caller key": ["calls", () => callEvent(plain, "small")],
    RS256: ["calls", () => callEvent(plain, "small", jwt(0))],
    "RS256, each call with another JWT": ["calls", (number: number) => callEvent(plain, "small", jwt(number))],
  } as const;
  const cpu: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, [bundle, event]] of Object.entries(subjects)) {
      const events = Array.from({ length: requests }, (_, index) => event((round + 2) * requests + index));
      const replayed = await functions.replay(bundle, events);
      if (round >= 0) (cpu[name] ??= []).push(replayed.cpu / requests);
    }
  }
  await functions.close();
  const { undici = [], ...others } = cpu;
  return Object.entries(others).flatMap(([name, values]) => [
    figureOf(
      `CPU added by ${name}`,
      "ms",
      values.map((each, round) => each - (undici[round] ?? Number.NaN)),
      { name: "the goal", values: [0.5], goal: { atMost: 1 } },
    ),
    figureOf(`CPU of a call by ${name}`, "ms", values, { name: "undici alone", values: undici }),
  ]);
}

interface Subject {
  folder: string;
  variables?: Record<string, string>;
}

async function coldStarts(
  size: Size,
  client: string,
  environment: Record<string, string>,
  subjects: Record<string, Subject>,
): Promise<Record<string, Times[]>> {
  const times: Record<string, Times[]> = {};
  for (let round = 0; round < (size === "full" ? 41 : 1); round += 1) {
    for (const [name, { folder, variables }] of Object.entries(subjects)) {
      const all = { ...environment, ...variables };
      (times[name] ??= []).push(await firstResponse(client, folder, all, callEvent(secure, "small")));
    }
  }
  return times;
}

function coldFigures(times: Record<string, Times[]>): Figure[] {
  return (["wall", "cpu"] as const).flatMap((kind) => {
    const all = (name: string) => (times[name] ?? []).map((each) => each[kind]);
    const empty = median(all("empty"));
    const own = (name: string) => all(name).map((value) => value - empty);
    if (!Number.isFinite(empty)) return [];
    const title = kind === "wall" ? "cold start by caller key, without the runtime" : "its CPU";
    const goal = kind === "wall" ? { goal: { atMost: 1.6 } } : {};
    return [
      figureOf(title, "ms", own("calls"), {
        name: "limit of a call",
        values: own("limit"),
        ...goal,
        isDifference: true,
      }),
    ];
  });
}

/** How much memory a large answer needs, in new environments that have answered before. */
async function growth(
  size: Size,
  client: string,
  folders: { calls: string; alone: string },
  variables: Record<string, string>,
): Promise<Figure[]> {
  const values = { calls: [] as number[], alone: [] as number[] };
  for (let round = 0; round < (size === "full" ? 11 : 1); round += 1) {
    for (const name of ["calls", "alone"] as const) {
      const environment = await startEnvironment(client, folders[name], variables);
      const { pid = 0 } = environment.process;
      try {
        for (let call = 0; call < 20; call += 1) await environment.invoke(callEvent(plain, "small"));
        // 5: sets the peak to what it is now.
        writeFileSync(`/proc/${pid}/clear_refs`, "5");
        const before = peakOf(pid);
        const { body } = await environment.invoke(callEvent(plain, "large"));
        const { statusCode } = body as { statusCode?: number };
        if (statusCode !== 200) throw new Error(`${JSON.stringify(body).slice(0, 300)}\n${environment.printed()}`);
        values[name].push((peakOf(pid) - before) / 1e6);
      } finally {
        await environment.close();
      }
    }
  }
  return [
    figureOf(
      "memory of an answer of 4 MB",
      "MB",
      values.calls,
      { name: "its size", values: [largeBytes / 1e6], goal: { atMost: 6 } },
      { name: "the runtime client alone", values: values.alone },
    ),
  ];
}
