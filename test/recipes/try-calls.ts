import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { StartedCommand } from "../local/run-harness.ts";
import { account, startBroker } from "../examples/broker.ts";
import { failsAtRedirect } from "../examples/redirect.ts";
import { startFront } from "./front.ts";
import { type Recipe, runRecipe } from "./run-recipe.ts";

/** The standard error of a recipe that must fail. */
async function complaint(failing: Promise<unknown>): Promise<string> {
  const failed: unknown = await failing.then(
    () => undefined,
    (error: unknown) => error,
  );
  return (failed as { stderr?: string } | undefined)?.stderr ?? "it did not fail";
}

const names = (oauth: boolean) => ["HOST", "CREDENTIAL", "API", ...(oauth ? ["CLIENT_ID"] : [])];
const unknownKey = `stb_${"fake-unknown-key".padEnd(43, "0")}`;

/** Tests what each recipe requests and prints, with a token that lives an hour. */
export function tryCalls(recipes: Recipe[]): void {
  describe("With a token that lives an hour,", () => {
    let run: StartedCommand;
    beforeAll(async () => {
      run = await startBroker();
      await run.simulator("/_simulator", { lifetime: 3600 });
    });
    afterAll(() => run.remove());

    describe.each(recipes)("the recipe $name", (recipe) => {
      it("calls the business API below the response's scope, twice with one token request", async () => {
        const { url, close, forwarded } = await startFront(run.url("ready"));
        onTestFinished(close);

        const answers = await runRecipe(recipe, run, ["CO/Customers", "CO/Orders"], { SMART_SERVICES_HOST: url });

        const path = (name: string) => ({ ok: true, path: `/api/v1/${account.scope}/CO/${name}` });
        expect(answers).toMatchObject([path("Customers"), path("Orders")]);
        expect(forwarded).toMatchObject([{ path: recipe.oauth ? "/oauth/token" : "/api/v1/auth/token", status: 200 }]);
      });

      it("fails with the broker's error if its caller key is not accepted, and does not print the key", async () => {
        const error = await complaint(runRecipe(recipe, run, ["any"], { SMART_SERVICES_CREDENTIAL: unknownKey }));

        expect(error).toContain("invalid_client");
        expect(error).not.toContain(unknownKey);
      });

      it("fails if the broker redirects it, and sends the other server nothing", async () => {
        await failsAtRedirect((host) => runRecipe(recipe, run, ["any"], { SMART_SERVICES_HOST: host }));
      });

      it.each(names(recipe.oauth))("says in one line that SMART_SERVICES_%s is not set", async (name) => {
        const error = await complaint(runRecipe(recipe, run, ["any"], { [`SMART_SERVICES_${name}`]: "" }));

        expect(error).toMatch(new RegExp(`^[^\\n]*SMART_SERVICES_${name}:? is not set[^\\n]*\\n$`));
      });

      it("says in one line how to use it if it gets no path", async () => {
        expect(await complaint(runRecipe(recipe, run, []))).toMatch(/^[^\n]*Usage: [^\n]+ PATH\.\.\.\n$/);
      });
    });

    describe.each(recipes.filter(({ oauth }) => oauth))("the recipe $name", (recipe) => {
      it("accepts the vendor's scope", async () => {
        await expect(runRecipe(recipe, run, ["any"], { SMART_SERVICES_SCOPE: account.scope })).resolves.toHaveLength(1);
      });

      it("accepts the connection's id as scope, except requests-oauthlib: the response's scope differs", async () => {
        const answers = runRecipe(recipe, run, ["any"], { SMART_SERVICES_SCOPE: "webapicorso" });

        if (recipe.name === "requests-oauthlib")
          expect(await complaint(answers)).toBe(`Scope has changed from "webapicorso" to "${account.scope}".\n`);
        else await expect(answers).resolves.toHaveLength(1);
      });
    });
  });
}
