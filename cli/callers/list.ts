import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { CommandResult } from "../command.ts";
import { CommandError } from "../exit.ts";
import { plain, table } from "../terminal/table.ts";

/** Printed because a reader in an incident may think that this is the deployed list. */
const sourceNote = "This is the list in this checkout. The deployed list is the one of the last npm run deploy.\n";

/** Checks and lists the callers in `cdk.json`. Does NOT read what is deployed. */
export async function listCallers(file: string): Promise<CommandResult> {
  const callers = await readCallers(file);
  if (callers.length === 0) {
    return { json: [], text: `${file} lists no callers. IAM roles of this account need no entry.\n${sourceNote}` };
  }
  const listed = callers.map((caller) => ({
    name: caller.name,
    kind: caller.kind,
    connections: caller.connections ?? [],
    who: identityOf(caller),
  }));
  const rows = listed.map(({ name, kind, connections, who }) =>
    plain(name, kind, connections.join(" ") || "from claims", who),
  );
  return {
    json: listed,
    text: table([plain("CALLER", "KIND", "CONNECTIONS", "IDENTITY"), ...rows], [20, 9, 20], false) + sourceNote,
  };
}

async function readCallers(file: string): Promise<Caller[]> {
  let callers = await readJson(file);
  if (!Array.isArray(callers) && !("callers" in callers)) {
    const { context } = callers as { context?: { callers?: object | string } };
    if (!context)
      throw new CommandError("usage", `${file} is neither a list of callers nor a cdk.json with a context.`);
    const setting = context.callers ?? [];
    callers = typeof setting === "string" ? await readJson(resolve(dirname(file), setting)) : setting;
  }
  try {
    return parseCallers(callers, { allowLoopbackHttp: false });
  } catch (error) {
    throw new CommandError("usage", `${file}: ${(error as Error).message}`);
  }
}

async function readJson(file: string): Promise<object> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      "usage",
      `The file ${file} cannot be read (${error.code}). Add --file with cdk.json's path.`,
    );
  });
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null) return json;
  } catch {
    // The error below covers it.
  }
  throw new CommandError("usage", `The file ${file} is not JSON.`);
}

function identityOf(caller: Caller): string {
  switch (caller.kind) {
    case "key":
      return `${caller.keySha256.length} key(s)`;
    case "oidc":
      return `${caller.issuer} for ${caller.audience}`;
    case "principal":
      return caller.principal;
  }
}
