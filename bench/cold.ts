import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { statusEvent } from "../fixtures/status-event.ts";
import { tokenEvent } from "../fixtures/token-event.ts";
import { runtimeClient } from "../tools/runtime-client.ts";
import { startEnvironment } from "../fixtures/lambda/environment.ts";
import { bundlesFor, withSdk } from "./bundles.ts";
import { type Baseline, type Figure, figureOf, median, type Report } from "./figures.ts";
import { oauthEvent, oneCaller, type Parts, startParts } from "./parts.ts";
import type { Size } from "./scenario.ts";
import { newCertificate, startTls } from "./tls.ts";
import { cpuOf } from "./usage.ts";

/** A function that starts cold once in each round. */
interface Subject {
  folder: string;
  event: () => object;
  variables?: Record<string, string>;
}

/** Milliseconds from the start of the process to its first response, and CPU time until then. */
export type Times = Record<"wall" | "cpu", number>;

const connection = "webapicorso";
export const plainClient = new URL("plain-client.ts", import.meta.url).pathname;

/**
 * Measures new environments: each is a process with Lambda's runtime client, from its start to its first response. The
 * subjects alternate, so that other load on the machine affects all of them.
 */
export async function cold(size: Size): Promise<Report> {
  const client = runtimeClient();
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    const { environment, close } = await overTls(parts, bundles.folder);
    const subjects = subjectsOf(parts, bundles);
    const measure = ({ folder, event, variables }: Subject) =>
      firstResponse(client ?? plainClient, folder, { ...environment, ...variables }, event());
    // The first request stores the token that all others find.
    await measure(subjects.token);
    const times = new Map(Object.keys(subjects).map((name) => [name, [] as Times[]]));
    for (let round = 0; round < (size === "full" ? 41 : 1); round += 1) {
      for (const [name, subject] of Object.entries(subjects)) times.get(name)?.push(await measure(subject));
    }
    close();
    return { figures: figuresOf((name) => times.get(name) ?? []), notes: notes(client !== undefined) };
  } finally {
    bundles.remove();
    await parts.close();
  }
}

function subjectsOf(parts: Parts, bundles: ReturnType<typeof bundlesFor>) {
  const { environment } = parts;
  parts.register(connection);
  const baseUrl = environment[environmentVariables.defaultBaseUrl] ?? "";
  const forVendor = { BASE_URL: baseUrl, USER_NAME: `admin_${connection}`, SCOPE: connection, API_KEY: "fake-key-1" };
  const SECRET_ID = `${environment[environmentVariables.secretPrefix]}/${connection}`;
  const stored = () => tokenEvent(connection);
  let newest = 0;
  const neverStored = () => {
    newest += 1;
    parts.register(`new-${newest}`);
    return tokenEvent(`new-${newest}`);
  };
  const token = bundles.deployed("token");
  const limit = bundles.ours("limit");
  return {
    empty: { folder: bundles.ours("empty"), event: stored },
    limit: { folder: limit, event: stored },
    "limit of two reads": { folder: limit, event: stored, variables: { READS: "2" } },
    floor: { folder: bundles.ours("floor"), event: stored },
    typical: {
      folder: bundles.byDefault("typical"),
      event: stored,
      variables: { ...withSdk, ...forVendor, SECRET_ID },
    },
    vendor: { folder: bundles.byDefault("vendor"), event: stored, variables: forVendor },
    token: { folder: token, event: stored },
    oauth: { folder: bundles.deployed("oauth", oneCaller(connection)), event: oauthEvent },
    status: { folder: bundles.deployed("status"), event: () => statusEvent({ connection }) },
    upstream: { folder: token, event: neverStored },
  } satisfies Record<string, Subject>;
}

/** The environment of a function, with TLS in front of DynamoDB and Secrets Manager, as on AWS. */
export async function overTls(parts: Parts, folder: string) {
  const environment: Record<string, string> = parts.environment;
  const files = newCertificate(folder);
  const names = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER"];
  const proxies = await Promise.all(names.map((name) => startTls(environment[name] ?? "", files)));
  const urls = Object.fromEntries(names.map((name, index) => [name, proxies[index]?.url ?? ""]));
  return {
    files,
    environment: { ...environment, ...urls, NODE_EXTRA_CA_CERTS: files.certificate },
    close: () => proxies.forEach((proxy) => proxy.close()),
  };
}

export async function firstResponse(
  client: string,
  folder: string,
  variables: Record<string, string>,
  event: object,
): Promise<Times> {
  const startedAt = performance.now();
  const environment = await startEnvironment(client, folder, variables);
  try {
    const { body } = await environment.invoke(event);
    const wall = performance.now() - startedAt;
    const cpu = cpuOf(environment.process.pid ?? 0);
    const { statusCode } = body as { statusCode?: number };
    if (statusCode !== 200) throw new Error(`${folder}: ${JSON.stringify(body)}\n${environment.printed()}`);
    return { wall, cpu };
  } finally {
    await environment.close();
  }
}

function figuresOf(timesOf: (name: string) => Times[]): Figure[] {
  const all = (name: string, kind: keyof Times = "wall") => timesOf(name).map((times) => times[kind]);
  /** Without the time of the runtime alone. */
  const own = (name: string, kind: keyof Times = "wall") => {
    const empty = median(all("empty", kind));
    return all(name, kind).map((value) => value - empty);
  };
  const against = (values: typeof all, kind: keyof Times, goals: Record<string, Baseline["goal"]>): Baseline[] =>
    Object.entries(goals).map(([name, goal]) => ({
      name,
      values: values(name, kind),
      ...(goal && { goal }),
      isDifference: values === own,
    }));
  const isCpuKnown = all("empty", "cpu").every(Number.isFinite);

  const functions = {
    token: "token, stored",
    oauth: "oauth by caller key, stored",
    status: "status of one connection",
  };
  return [
    figureOf("runtime alone (empty handler)", "ms", all("empty")),
    ...Object.entries(functions).flatMap(([name, title]) => [
      figureOf(title, "ms", all(name), ...against(all, "wall", { typical: { atMost: 0.5 }, vendor: undefined })),
      figureOf(
        `${title}, without the runtime`,
        "ms",
        own(name),
        ...against(own, "wall", {
          limit: { atMost: 1.5 },
          ...(name === "oauth" && { "limit of two reads": { atMost: 1.5 } }),
          floor: { atMost: 0.7 },
        }),
      ),
      ...(isCpuKnown
        ? [
            figureOf(
              `${title}, CPU without the runtime`,
              "ms",
              own(name, "cpu"),
              ...against(own, "cpu", { limit: undefined, floor: undefined }),
            ),
          ]
        : []),
    ]),
    figureOf("token, upstream called", "ms", all("upstream"), ...against(all, "wall", { typical: undefined })),
  ];
}

export const clientNote = (hasClient: boolean) =>
  hasClient
    ? "Each environment is a process with Lambda's runtime client (`aws-lambda-ric`) and a Runtime API server."
    : "Lambda's runtime client is not installed, so a plain client replaced it. `npm run test:lambda` installs it.";

function notes(hasClient: boolean): string[] {
  return [
    clientNote(hasClient),
    "*without the runtime*: less the median of the empty handler. The ratio is that of the medians.",
    "*limit*: one signed GetItem over node's HTTPS. *floor*: one GetItem by the SDK. Both have our bundler options. " +
      "The function oauth reads two items, the revoked keys and the connection: *limit of two reads*.",
    "*typical* and *vendor* have no table: a new environment reads the secret (typical) and calls Smart Services. The " +
      "simulator answers at once, so their figures lack the time that Smart Services takes.",
    "typical uses the SDK of this repository, not bundled, as `NodejsFunction` uses that of Lambda.",
  ];
}
