import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { scopeWarning } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { CommandResult } from "../command.ts";
import { localCallers } from "../deployment/deployed-callers.ts";
import { findLocal } from "../deployment/find-local.ts";
import { CommandError } from "../exit.ts";
import { textsOf } from "./kinds.ts";

/** Printed because a reader in an incident may think that this is the deployed list. */
const sourceNote = "This is the list in this checkout. The deployed list is the one of the last npm run deploy.\n";
const localNote = "This is the list of the local run, until that ends.\n";

/** Checks and lists the callers in the settings of a stage. Does NOT read what is deployed. */
export const listCallers = async (file: string) => listed(await readCallers(file), file, sourceNote);

/** Lists the callers of a local run, also those that were added since its start. */
export const listLocalCallers = async (url: string) =>
  listed(await localCallers(await findLocal(url)), "The local run", localNote);

function listed(callers: Caller[], place: string, note: string): CommandResult {
  if (callers.length === 0) {
    return { json: [], text: `${place} lists no callers. IAM roles of this account need no entry.\n${note}` };
  }
  return {
    json: callers.map((caller) => ({
      name: caller.name,
      kind: caller.kind,
      connections: caller.connections ?? [],
      who: textsOf(caller).who(caller),
      ...(caller.kind === "oidc" && {
        issuer: caller.issuer,
        audience: caller.audience,
        claims: caller.claims,
        connections_claim: caller.connectionsClaim,
        max_lifetime: caller.maxLifetime,
      }),
      ...(caller.calls && { calls: caller.calls }),
    })),
    text: [...callers.map(describe), ...scopeWarning(callers).map((warning) => `warning: ${warning}\n`), note].join(""),
  };
}

/** The entry in the words of the list. Nothing is cut: what differs is often at the end of a value. */
function describe(caller: Caller): string {
  const { name, kind, connections, origins, calls } = caller;
  const lines = [
    `${name} (${kind})`,
    ...(connections ? [`  connections: ${connections.join(" ")}`] : []),
    ...textsOf(caller)
      .conditions(caller)
      .map((condition) => `  ${condition}`),
    ...(origins.length > 0 ? [`  origins: ${origins.join(" ")}`] : []),
    ...(calls ?? []).map(({ methods, path }) => `  calls: ${methods.join(",")} ${path}`),
    ...(calls ? ["  It gets no token."] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

async function readCallers(file: string): Promise<Caller[]> {
  const folder = dirname(resolve(file));
  // Does not repeat the argument: it may be a key that was pasted into the wrong place.
  let list = await readJson(file, basename(folder) === "settings" ? `The file ${file}` : "The file of --file");
  if (!Array.isArray(list) && !("callers" in list)) {
    if (basename(folder) !== "settings") {
      throw new CommandError("usage", `${file} is neither a list of callers nor settings with the key callers.`);
    }
    list = [];
  }
  const { callers = list } = list as { callers?: unknown };
  // The deployment reads the path from the folder of cdk.json, where it runs.
  const found = typeof callers === "string" ? await readJson(resolve(folder, "..", callers)) : callers;
  try {
    return parseCallers(found, { allowLoopbackHttp: false });
  } catch (error) {
    throw new CommandError("usage", `${file}: ${(error as Error).message}`);
  }
}

/** The JSON of a file, an object or an array. Throws CommandError. */
export async function readJson(file: string, name = `The file ${file}`): Promise<object> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      "usage",
      `${name} cannot be read (${error.code}). Set --stage to a stage with settings, or --file to a list: a new one is a file with [] in it.`,
    );
  });
  try {
    const json: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    if (typeof json === "object" && json !== null) return json;
  } catch {
    // The error below covers it.
  }
  throw new CommandError("usage", `${name} is not JSON.`);
}
