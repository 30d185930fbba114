import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { openToStrangers } from "../../functions/auth-core/rules/callers/issuer-trust.ts";
import { sharedIssuers } from "../../functions/auth-core/rules/callers/shared-issuers.ts";
import { connectionsOf } from "../../functions/auth-core/rules/callers/claims.ts";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { output, StartedCommand } from "../local/run-harness.ts";
import { sampleCallsKey } from "../../local/callers/sample-callers.ts";
import { account, usedStatus } from "./broker.ts";
import { hasPrograms } from "../support/programs.ts";

const page = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8");

/** The blocks of a language on a page. */
const blocksOf = (file: string, language: string) =>
  [...page(file).matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, block = ""]) => block);
const blocks = (language: string) => blocksOf("docs/callers.md", language);

/** The first two columns of the rows below a heading, without code marks. */
function rowsOf(file: string, heading: string): string[][] {
  const [, section = ""] = `\n${page(file)}`.split(`\n${heading}\n`);
  const [rows = ""] = section.split("\n## ");
  return [...rows.matchAll(/^\| `(.+?)` \| (.*?) \|/gm)].map(([, first = "", second = ""]) => [
    first,
    second.replaceAll("`", ""),
  ]);
}

it("docs/it.md has no command that the README does not have, except the form", () => {
  const commands = (file: string) =>
    [...page(file).matchAll(/^ *```sh\n([^]*?)^ *```/gm)].flatMap(([, block = ""]) =>
      block
        .trim()
        .split(/(?<!\\)\n/)
        .map((command) => command.trim()),
    );
  const others = commands("docs/it.md").filter((command) => !commands("README.md").includes(command));

  expect(others).toEqual([expect.stringContaining("/api/v1/auth/token")]);
});

describe("docs/callers.md", () => {
  it("has a list that is accepted, with one entry of each kind", () => {
    const [list = ""] = blocks("json");

    const callers = parseCallers(JSON.parse(list), { allowLoopbackHttp: false });

    expect(callers.map(({ kind }) => kind)).toEqual(["principal", "key", "oidc", "oidc"]);
  });

  it("has the same entry for a pipeline as examples/github-actions, and both are accepted", () => {
    const comment = page("examples/github-actions/smart-services.yml").replaceAll(/^# ?/gm, "");
    const entry: unknown = JSON.parse(/^ +\{"name"[^]*?\}\}\}$/m.exec(comment)?.[0] ?? "");

    expect(parseCallers([entry], { allowLoopbackHttp: false })).toEqual([
      parseCallers(JSON.parse(blocks("json")[0] ?? ""), { allowLoopbackHttp: false })[2],
    ]);
  });

  it("lists every shared issuer with the claims that name a tenant, and their source", () => {
    const listed = rowsOf("docs/callers.md", "## Issuers that many tenants share");

    expect(listed).toEqual(sharedIssuers.map(({ url, tenantClaims }) => [url, Object.keys(tenantClaims).join(", ")]));
    for (const { name, source } of sharedIssuers) expect(page("docs/callers.md")).toContain(`[${name}](${source})`);
  });

  it("lists claims that do not name the caller, which the deployment rejects alone", () => {
    const [impersonal = [], profile = []] = rowsOf("docs/callers.md", "### Claims that do not name the caller");
    const claims = [impersonal, profile].flatMap(([names = ""]) => names.split("`, `"));

    expect(claims.length).toBeGreaterThan(30);
    for (const claim of claims) {
      expect(openToStrangers("https://login.example.com", { [claim]: "fake" })).toContain(`.${claim} "fake" does not`);
    }
  });

  it("has an entry for the role of an AWS account, which the deployment accepts", () => {
    const [, section = ""] = page("docs/callers.md").split("\n## The JWT of a role on AWS\n");
    const [, entries = ""] = /^ {3}(\[\{"name"[^]*?)```/m.exec(section) ?? [];

    expect(parseCallers(JSON.parse(entries), { allowLoopbackHttp: false })).toMatchObject([{ kind: "oidc" }]);
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

it("docs/connections.md lists every field that a registration can have", () => {
  const fields = rowsOf("docs/connections.md", "## Fields").map(([field = ""]) => field);
  const url = "https://fake.example.com";
  const values = { baseUrl: url, apiBaseUrl: url, keyIssuer: url, maxLifetime: 60, singleActiveToken: true };
  const secret = { ...Object.fromEntries(fields.map((field) => [field, "fake"])), ...values };

  const parsed = parseRegistration(JSON.stringify(secret), { defaultBaseUrl: url, allowLoopbackHttp: false });

  expect(parsed).toMatchObject({ kind: "registered", warnings: [] });
  const read = Object.keys(parsed.kind === "registered" ? parsed.registration : {});
  expect(read.filter((name) => !name.endsWith("Fingerprint")).toSorted()).toEqual(fields.toSorted());
});

it("no page lets curl follow a redirect, which would send the credential to another server", () => {
  const root = join(import.meta.dirname, "../..");
  const pages = globSync(["*.md", "docs/**/*.md", "examples/*.md", "packages/*/*.md"], { cwd: root });
  const commands = (file: string) =>
    page(file)
      .replaceAll("\\\n", " ")
      .match(/\bcurl\b.*/g) ?? [];

  expect(pages.flatMap(commands).length).toBeGreaterThan(10);
  expect(pages.filter((file) => commands(file).some((each) => / (?:--location|-[a-zA-Z]*L)/.test(each)))).toEqual([]);
});

describe.skipIf(!hasPrograms("curl"))("a command of the pages", () => {
  let run: StartedCommand;

  beforeAll(async () => {
    // As the reader does: its connection has an apiBaseUrl.
    run = new StartedCommand(["--port", "0"]);
    await run.ready();
  });
  afterAll(() => run.remove());

  const commands = blocks("sh").filter((block) => block.includes("$SMART_SERVICES_HOST"));

  const local = (text: string) =>
    text.replace("http://127.0.0.1:8787", run.url("ready")).replace("http://127.0.0.1:PORT", run.url("issuer"));
  /** The values for a local run on docs/callers.md, with the two URLs of this run. */
  const values = () => local(blocks("sh").find((block) => block.includes("export CALLER_KEY")) ?? "");

  it.skipIf(!hasPrograms("jq")).each(commands)(
    "on docs/callers.md gets a valid token, with the page's values: %s",
    async (command) => {
      const answer = await output("bash", ["-c", values() + command]);

      expect(await usedStatus(run, (JSON.parse(answer) as Record<string, unknown>)["access_token"])).toBe(200);
    },
  );

  it("on docs/callers.md is there for each grant", () => {
    expect(commands).toHaveLength(3);
  });

  it("on docs/calls.md makes a call with the JWT of that page, and not with the JWT that gets tokens", async () => {
    const call = blocksOf("docs/calls.md", "sh").find((block) => block.includes("$CALLS_JWT")) ?? "";

    const made = await output("bash", ["-c", values() + call]);
    const rejected = await output("bash", ["-c", values() + call.replace("Bearer $CALLS_JWT", "Bearer $USER_JWT")]);

    expect(JSON.parse(made)).toMatchObject({ ok: true, path: `/api/v1/${account.scope}/CO/Customers` });
    expect(JSON.parse(rejected)).toMatchObject({ code: "credential_not_accepted" });
  });

  it("of docs/calls.md for an agent gives it the API's answer, and no other path", async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv("SMART_SERVICES_HOST", run.url("ready"));
    vi.stubEnv("AGENT_KEY", sampleCallsKey);
    const [source = ""] = blocksOf("docs/calls.md", "js");
    const { useTool } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
      useTool: (argument: object) => Promise<{ isError: boolean; content: string }>;
    };

    expect(await useTool({ collection: "Orders" })).toMatchObject({ isError: false });
    expect((await useTool({ collection: ".." })).content).toContain('"code":"invalid_request"');
  });

  const printed = ["README.md", "docs/it.md"].flatMap((file) =>
    blocksOf(file, "sh").flatMap((block) => (block.startsWith("curl") ? [[file, block] as const] : [])),
  );

  it.each(printed)("in %s gets a valid token from the local run: %s", async (_, command) => {
    const answer = await output("bash", ["-c", local(command)]);

    expect(await usedStatus(run, (JSON.parse(answer) as Record<string, unknown>)["access_token"])).toBe(200);
  });
});
