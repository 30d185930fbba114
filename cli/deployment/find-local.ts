import { readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import * as v from "valibot";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import type { Deployment } from "./deployment.ts";

/** Where `npm start` listens without `--port`. */
export const defaultLocalUrl = "http://127.0.0.1:8787";

/** The next step if no local run of this version answers. */
export const startLocal = "Start it with npm start, and set --local-url to the URL that it prints after ready";

/** The URL of the local run that the options name; `undefined` if they name a deployment on AWS. */
export const localUrlOf = ({ local, localUrl }: { local?: boolean; localUrl?: string }) =>
  localUrl ?? (local ? defaultLocalUrl : undefined);

/** The local run's own caller. Not a secret: its help prints it, and it works on loopback only. */
const localCaller = { accessKeyId: "LOCALORDERS", secretAccessKey: "local-orders-secret" };

const maxAnswerBytes = 64 * 1024;

/** As the local run writes its URLs. No name: the machine could resolve it to another address. */
const loopbackUrl = v.pipe(v.string(), v.regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/), v.url());
/** Without characters that a shell or a terminal interprets: some of these names are printed in commands. */
const name = v.pipe(v.string(), v.regex(/^[\w:/.-]{1,256}$/));
const webOrigin = v.pipe(v.string(), v.regex(/^https?:\/\/[\w.:[\]-]{1,256}$/));

const answerSchema = v.object({
  stage: name,
  region: name,
  accountId: name,
  partition: name,
  url: loopbackUrl,
  apiId: name,
  tableName: name,
  secretPrefix: name,
  keyRotationFunctionArn: name,
  rotateApiKeysEveryDays: v.pipe(v.number(), v.integer()),
  corsOrigins: v.array(webOrigin),
  local: v.object({
    dynamodb: loopbackUrl,
    secretsmanager: loopbackUrl,
    simulator: loopbackUrl,
  }),
});

/**
 * Requests the parts of a local run from it. Another program may hold its port: API keys and tokens must not leave this
 * machine, whatever it answers.
 *
 * @param url the URL that it prints after `ready`
 * @throws CommandError if no local run of this version answers, or if an address in its answer is not on 127.0.0.1
 */
export async function findLocal(url: string): Promise<Deployment> {
  const origin = loopbackOrigin(url);
  if (origin === undefined) {
    throw new CommandError("usage", "--local-url must be the URL that npm start prints after ready.");
  }
  // Otherwise NODE_USE_ENV_PROXY and HTTP_PROXY send the requests to a proxy. fetch reads this at each request.
  process.env["no_proxy"] = "*";
  const answer = await readAnswer(new URL("/_local/deployment", origin), maxAnswerBytes).catch(() => {
    throw new CommandError("unreachable", `No local run answers at ${url}. ${startLocal}.`);
  });
  const parsed = v.safeParse(answerSchema, answer, { abortEarly: true });
  if (!parsed.success) {
    const field = v.getDotPath(parsed.issues[0]);
    const cause = field === null ? "" : `: the field ${field} of its answer is missing or invalid`;
    throw new CommandError(
      "unreachable",
      `The server at ${url} is not a local run of this version${cause}. ${startLocal}.`,
    );
  }
  const flags = url === defaultLocalUrl ? " --local" : ` --local-url ${url}`;
  const { region, local } = parsed.output;
  const awsFlags = ` --region ${region} --endpoint-url ${local.secretsmanager}`;
  return { ...parsed.output, flags, awsFlags, credentials: () => Promise.resolve(localCaller) };
}

/** The origin of a local run; `undefined` for a URL that has another host, or more than an origin. */
function loopbackOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  // The local run listens on IPv4. A hosts file could resolve the name to another address.
  if (url.hostname === "localhost") url.hostname = "127.0.0.1";
  return url.href === `http://${url.host}/` && url.hostname === "127.0.0.1" ? url.origin : undefined;
}

/** The JSON of an answer, else `undefined`. Follows no redirect. Rejects if no answer begins in 5 s. */
export async function readAnswer(url: URL, maxBytes: number): Promise<unknown> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5000) });
  try {
    return JSON.parse((await readBody(response.body ?? [], maxBytes)).toString()) as unknown;
  } catch {
    return undefined;
  }
}

/** Sends JSON to a page of the local run. Follows no redirect. Rejects if no answer begins in 30 s. */
export function postLocal({ url }: Pick<Deployment, "url">, path: string, content: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const init: RequestInit = { method: "POST", headers, body: JSON.stringify(content), redirect: "manual" };
  return withProgress("Waiting for the local run", fetch(url + path, { ...init, signal: AbortSignal.timeout(30_000) }));
}
