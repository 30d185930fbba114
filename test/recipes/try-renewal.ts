import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { StartedCommand } from "../local/run-harness.ts";
import { startBroker, stored, usedStatus } from "../examples/broker.ts";
import { startFront } from "./front.ts";
import { type Recipe, runRecipe } from "./run-recipe.ts";

/** Tests that each recipe replaces its token in time. All run at once, because tokens live 12 s. */
export function tryRenewal(recipes: Recipe[]): void {
  describe("With tokens that live 12 s,", () => {
    let run: StartedCommand;
    beforeAll(async () => {
      run = await startBroker();
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
      const tokens = (path: string) =>
        api.forwarded.filter((each) => each.path.endsWith(path)).map(({ token }) => token);
      expect(api.forwarded.map(({ status }) => status)).toEqual(recipes.flatMap(() => [200, 200]));
      expect(tokens("/second").filter((token) => tokens("/first").includes(token))).toEqual([]);
    });

    it("every recipe reports a token that the business API rejects, and repeats its call with another", async () => {
      await run.simulator("/_simulator", { singleActiveToken: true });
      const held = new Set<string>();
      const request = async (path: string, token: string) => {
        if (held.has(path)) return;
        held.add(path);
        // Smart Services then rejects it, because a new token invalidates the previous one.
        await replaced(token);
      };
      const api = await startFront(run.url("simulator"), { request });

      await Promise.all(
        recipes.map((recipe) => runRecipe(recipe, run, [recipe.name], { SMART_SERVICES_API: api.url })),
      );

      await api.close();
      for (const { name } of recipes) {
        const calls = api.forwarded.filter(({ path }) => path.endsWith(`/${name}`));
        expect([name, ...calls.map(({ status }) => status)]).toEqual([name, 401, 200]);
        expect(calls[0]?.token).not.toBe(calls[1]?.token);
      }
    });
  });
}
