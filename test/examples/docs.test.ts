import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectionsOf, parseCallers } from "../../functions/auth-core/rules/callers.ts";
import { output, type StartedCommand } from "../local/run-harness.ts";
import { hasPrograms } from "../support/programs.ts";
import { startBroker, usedStatus } from "./broker.ts";

const text = readFileSync(join(import.meta.dirname, "..", "..", "docs/callers.md"), "utf8");

const hasCurl = hasPrograms("bash", "curl");
const hasJq = hasPrograms("jq");

/** The blocks of a language on the page about callers. */
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, block = ""]) => block);

describe("the page about callers", () => {
  it("has a list that is accepted, with one entry of each kind", () => {
    const [list = ""] = blocks("json");

    const callers = parseCallers(JSON.parse(list), { allowLoopbackHttp: false });

    expect(callers.map(({ kind }) => kind)).toEqual(["principal", "key", "oidc", "oidc"]);
  });

  it("has a trigger for Cognito whose claim gives each user the connections of their groups, and no other", async () => {
    const [source = ""] = blocks("js");
    const { handler } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
      handler: (event: object) => Promise<{ response: { claimsOverrideDetails: { claimsToAddOrOverride: object } } }>;
    };
    const portal = parseCallers(JSON.parse(blocks("json")[0] ?? ""), { allowLoopbackHttp: false })[3];
    const connections = async (groupsToOverride?: string[]) => {
      const event = { request: { groupConfiguration: { groupsToOverride } }, response: {} };
      const { claimsToAddOrOverride: claims } = (await handler(event)).response.claimsOverrideDetails;
      return portal?.kind === "oidc" && connectionsOf(portal, { ...claims });
    };

    expect(await connections(["smart-services-acme", "admins", "smart-services-beta"])).toEqual(["acme", "beta"]);
    expect(await connections(["admins"])).toEqual([]);
    expect(await connections()).toEqual([]);
  });
});

describe.skipIf(!hasCurl)("a command of the page about callers", () => {
  let run: StartedCommand;

  beforeAll(async () => {
    run = await startBroker();
  });
  afterAll(() => run.remove());

  const commands = blocks("sh").filter((block) => block.includes("$SMART_SERVICES_HOST"));

  /** The page's values for a local run, with the two URLs of this one. */
  const values = () =>
    (blocks("sh").find((block) => block.includes("export CALLER_KEY")) ?? "")
      .replace("http://127.0.0.1:8787", run.url("ready"))
      .replace("http://127.0.0.1:PORT", run.url("issuer"));

  it.skipIf(!hasJq).each(commands)("gets a token that is good, with the page's values: %s", async (command) => {
    const answer = await output("bash", ["-c", values() + command]);

    expect(await usedStatus(run, (JSON.parse(answer) as Record<string, unknown>)["access_token"])).toBe(200);
  });

  it("is one for each grant", () => {
    expect(commands).toHaveLength(3);
  });
});
