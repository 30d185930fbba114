import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { account, startBroker, startFastBroker, stored, usedStatus } from "../examples/broker.ts";
import { failsAtRedirect } from "../examples/redirect.ts";
import { output, type StartedCommand } from "../local/run-harness.ts";
import { startFront } from "./front.ts";
import { php, python } from "./packages.ts";

/** The clients of examples/ that call the business API for each of their arguments. */
const recipes = [
  { name: "requests", program: python, file: "python/requests_client.py" },
  { name: "php-curl", program: php, file: "php/curl_client.php" },
];
type Recipe = (typeof recipes)[number];

const examples = join(import.meta.dirname, "../../examples");
const unknownKey = `stb_${"fake-unknown-key".padEnd(43, "0")}`;

/** Runs a recipe with the caller key of the local run's sample list. Resolves with the responses that it printed. */
async function runRecipe(
  { program, file }: Recipe,
  run: StartedCommand,
  paths: string[],
  env: Record<string, string> = {},
): Promise<unknown[]> {
  const printed = await output(program, [join(examples, file), ...paths], {
    SMART_SERVICES_HOST: run.url("ready"),
    SMART_SERVICES_API: run.url("simulator"),
    SMART_SERVICES_CREDENTIAL: sampleCallerKey,
    ...env,
  });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

/** The standard error of a recipe that must fail. */
async function complaint(failing: Promise<unknown>): Promise<string> {
  const failed: unknown = await failing.then(
    () => undefined,
    (error: unknown) => error,
  );
  return (failed as { stderr?: string } | undefined)?.stderr ?? "it did not fail";
}

describe("With a token that lives an hour,", () => {
  let run: StartedCommand;
  beforeAll(async () => {
    run = await startBroker();
  });
  afterAll(() => run.remove());

  describe.each(recipes)("the recipe $name", (recipe) => {
    it("calls the business API below the response's scope, twice with one token request", async () => {
      const { url, close, forwarded } = await startFront(run.url("ready"));
      onTestFinished(close);

      const answers = await runRecipe(recipe, run, ["CO/Customers", "CO/Orders"], { SMART_SERVICES_HOST: url });

      const path = (name: string) => ({ ok: true, path: `/api/v1/${account.scope}/CO/${name}` });
      expect(answers).toMatchObject([path("Customers"), path("Orders")]);
      expect(forwarded).toMatchObject([{ path: "/api/v1/auth/token", status: 200 }]);
    });

    it("fails with the broker's error if its caller key is not accepted, and does not print the key", async () => {
      const error = await complaint(runRecipe(recipe, run, ["any"], { SMART_SERVICES_CREDENTIAL: unknownKey }));

      expect(error).toContain("invalid_client");
      expect(error).not.toContain(unknownKey);
    });

    it("fails if the broker redirects it, and sends the other server nothing", async () => {
      await failsAtRedirect((host) => runRecipe(recipe, run, ["any"], { SMART_SERVICES_HOST: host }));
    });

    it.each(["HOST", "CREDENTIAL", "API"])("says in one line that SMART_SERVICES_%s is not set", async (name) => {
      const error = await complaint(runRecipe(recipe, run, ["any"], { [`SMART_SERVICES_${name}`]: "" }));

      expect(error).toMatch(new RegExp(`^[^\\n]*SMART_SERVICES_${name}:? is not set[^\\n]*\\n$`));
    });

    it("says in one line how to use it if it gets no path", async () => {
      expect(await complaint(runRecipe(recipe, run, []))).toMatch(/^[^\n]*Usage: [^\n]+ PATH\.\.\.\n$/);
    });
  });
});

// All run at once, because tokens live 12 s.
describe("With tokens that live 12 s,", () => {
  let run: StartedCommand;
  beforeAll(async () => {
    run = await startFastBroker();
  });
  afterAll(() => run.remove());

  const soon = { timeout: 40_000, interval: 200 };
  const expired = (token: string) => vi.waitFor(async () => expect(await usedStatus(run, token)).toBe(401), soon);
  const replaced = (token: string) => vi.waitFor(async () => expect((await stored(run)).token).not.toBe(token), soon);

  it("every recipe requests another token after its token expired, before it calls the business API", async () => {
    const response = async (path: string, token: string) => path.endsWith("/first") && expired(token);
    const api = await startFront(run.url("simulator"), { response });

    await Promise.all(
      recipes.map((recipe) => runRecipe(recipe, run, ["first", "second"], { SMART_SERVICES_API: api.url })),
    );

    await api.close();
    const tokens = (path: string) => api.forwarded.filter((each) => each.path.endsWith(path)).map(({ token }) => token);
    expect(api.forwarded.map(({ status }) => status)).toEqual(recipes.flatMap(() => [200, 200]));
    expect(tokens("/second").filter((token) => tokens("/first").includes(token))).toEqual([]);
  });

  it("every recipe reports a token that the business API rejects, and repeats its call with another", async () => {
    await run.simulator("/_simulator", { singleActiveToken: true });
    // Tokens from before stay valid until there is a new one.
    await replaced((await stored(run)).token ?? "");
    const held = new Set<string>();
    const request = async (path: string, token: string) => {
      if (held.has(path)) return;
      held.add(path);
      // Smart Services then rejects it, because a new token invalidates the previous one.
      await replaced(token);
    };
    const api = await startFront(run.url("simulator"), { request });

    await Promise.all(recipes.map((recipe) => runRecipe(recipe, run, [recipe.name], { SMART_SERVICES_API: api.url })));

    await api.close();
    for (const { name } of recipes) {
      const calls = api.forwarded.filter(({ path }) => path.endsWith(`/${name}`));
      expect([name, ...calls.map(({ status }) => status)]).toEqual([name, 401, 200]);
      expect(calls[0]?.token).not.toBe(calls[1]?.token);
    }
  });
});
