import { writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { scopeWarning } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import { type CommandResult, readId } from "../command.ts";
import { type Deployment, deployStep } from "../deployment/deployment.ts";
import { postLocal } from "../deployment/find-local.ts";
import { allSecrets } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { askText } from "../terminal/ask.ts";
import { expectCallerName, newCallerKey } from "./key.ts";
import { readJson } from "./list.ts";

export interface AddOptions {
  connections?: string;
  /** Rules of the calls that it may make, as in `readRule`. Empty: it gets tokens. */
  call: string[];
  /** Finds the deployment. Of a stage, if that fails, it is not checked whether the connections exist. */
  find: () => Promise<Deployment>;
}

/** Creates a caller key and adds its caller to a list in this checkout. Takes effect with the next deployment. */
export async function addCaller(name: string, options: AddOptions, file: string, stage: string) {
  const entry = await entryOf(name, options);
  const { file: place, document, list } = await findList(file);
  list.push(entry.listed);
  try {
    parseCallers(list, { allowLoopbackHttp: false });
  } catch (error) {
    throw new CommandError("usage", `${place}: ${(error as Error).message} Nothing was changed.`);
  }
  await writeFile(place, `${JSON.stringify(document, null, 2)}\n`);
  const deploy = deployStep({ stage, awsFlags: "" });
  return resultOf(entry, `Added ${name} to ${place}. The key works after the next deployment: ${deploy}.`, place);
}

/** Creates a caller key and adds its caller to the list of a local run, until that ends. Takes effect at once. */
export async function addLocalCaller(name: string, options: AddOptions) {
  const local = await options.find();
  const entry = await entryOf(name, { ...options, find: () => Promise.resolve(local) });
  const response = await postLocal(local, "/_local/callers", entry.listed);
  if (!response.ok) {
    const { message = `HTTP ${response.status}` } = (await response.json().catch(() => ({}))) as { message?: string };
    throw new CommandError("usage", `The local run did not add ${name}: ${message}`);
  }
  return resultOf(entry, `Added ${name} to the local run, until that ends. The key works now.`);
}

async function entryOf(name: string, { connections, call, find }: AddOptions) {
  expectCallerName(name);
  const calls = call.map(readRule);
  const ids = connections ?? (await askText(`Connections of ${name}, separated by commas`, "--connections IDS"));
  const { key, keySha256 } = newCallerKey();
  const found = ids.split(",").map((id) => readId(id.trim()));
  const listed = { name, connections: found, keySha256: [keySha256], ...(calls.length > 0 && { calls }) };
  return { key, keySha256, listed, warnings: [...(await unknown(found, find)), ...scopeWarning([listed])] };
}

/** A warning for each id without a connection; none if the secrets cannot be listed. */
async function unknown(ids: ConnectionId[], find: () => Promise<Deployment>): Promise<string[]> {
  const secrets = await find()
    .then(allSecrets)
    .catch(() => undefined);
  const known = secrets?.filter(({ deletedAt }) => deletedAt === undefined).map(({ connection }) => connection);
  const missing = known ? ids.filter((id) => !known.includes(id)) : [];
  return missing.map((id) => `there is no connection ${id}.${didYouMean(id, known ?? [])} Its requests get HTTP 404.`);
}

/** `GET,POST /api/v1/{scope}/CO/**` as a rule of `calls`. Checks only the form: the list checks the rest. */
function readRule(text: string): { methods: string[]; path: string } {
  const [, methods, path] = /^([A-Z]+(?:,[A-Z]+)*) (\/.*)$/.exec(text) ?? [];
  if (methods !== undefined && path !== undefined) return { methods: methods.split(","), path };
  throw new CommandError("usage", '--call must be methods and a path, like "GET,POST /api/v1/{scope}/CO/**".');
}

function resultOf(
  { key, keySha256, listed, warnings }: Awaited<ReturnType<typeof entryOf>>,
  done: string,
  file?: string,
): CommandResult {
  const { name, keySha256: _, ...shown } = listed;
  const text = `key        ${key}
keySha256  ${keySha256}

Keep the key: it is not shown again. ${done}${"calls" in listed ? " It makes calls, and gets no token." : ""}
${warnings.map((warning) => `warning: ${warning}\n`).join("")}`;
  const more = { ...(file !== undefined && { file }), ...(warnings.length > 0 && { warnings }) };
  return { text, json: { name, ...shown, key, keySha256, ...more } };
}

interface ListFile {
  /** The file that has the list. */
  file: string;
  document: object;
  /** A part of the document. */
  list: unknown[];
}

/** Finds the list in the settings of a stage, in the file that they name, or in a file of its own. */
async function findList(file: string): Promise<ListFile> {
  const document = await readJson(file);
  if (Array.isArray(document)) return { file, document, list: document };
  const holder = document as { callers?: unknown };
  const isSettings = basename(dirname(resolve(file))) === "settings";
  if (holder.callers === undefined && isSettings) holder.callers = [];
  const { callers } = holder;
  if (Array.isArray(callers)) return { file, document, list: callers };
  // The deployment reads the path from the folder of cdk.json, where it runs.
  if (typeof callers === "string") return findList(resolve(dirname(resolve(file)), "..", callers));
  const inner = (callers as { callers?: unknown } | undefined)?.callers;
  if (Array.isArray(inner)) return { file, document, list: inner };
  throw new CommandError("usage", `${file} is neither a list of callers nor settings with the key callers.`);
}
