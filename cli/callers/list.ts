import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { CommandResult } from "../command.ts";
import { CommandError } from "../exit.ts";
import { plain, table } from "../terminal/table.ts";

/** Said where people read it: at three in the morning it is taken for what runs. */
const ofCheckout = "This is the list of this checkout, checked; what is deployed is as of the last npm run deploy.\n";

/** The list of callers as `cdk.json` has it, checked. It does NOT look at what was deployed of it. */
export async function listCallers(file: string): Promise<CommandResult> {
  const callers = await readCallers(file);
  if (callers.length === 0) {
    return { json: [], text: `${file} lists no caller: roles of this account need no entry.\n${ofCheckout}` };
  }
  const listed = callers.map((caller) => ({
    name: caller.name,
    kind: caller.kind,
    connections: "connections" in caller ? (caller.connections ?? []) : [],
    who: whoIs(caller),
  }));
  const rows = listed.map(({ name, kind, connections, who }) =>
    plain(name, kind, connections.join(" ") || "as claimed", who),
  );
  return {
    json: listed,
    text: table([plain("CALLER", "KIND", "CONNECTIONS", "WHO"), ...rows], [20, 9, 20], false) + ofCheckout,
  };
}

async function readCallers(file: string): Promise<Caller[]> {
  let callers = await readJson(file);
  const { context } = callers as { context?: { callers?: unknown } };
  if (!Array.isArray(callers)) {
    if (!context)
      throw new CommandError("usage", `${file} is neither a list of callers nor a cdk.json with a context.`);
    callers = context.callers ?? [];
  }
  if (typeof callers === "string") callers = await readJson(resolve(dirname(file), callers));
  try {
    return parseCallers(callers, { allowLoopbackHttp: false });
  } catch (error) {
    throw new CommandError("usage", `${file}: ${(error as Error).message}`);
  }
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError("usage", `The file ${file} cannot be read (${error.code}): name cdk.json with --file.`);
  });
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null) return json;
  } catch {
    // Said below.
  }
  throw new CommandError("usage", `The file ${file} is not JSON.`);
}

function whoIs(caller: Caller): string {
  switch (caller.kind) {
    case "key":
      return `${caller.keySha256.length} key(s)`;
    case "oidc":
      return `${caller.issuer} for ${caller.audience}`;
    case "principal":
      return caller.principal;
  }
}
