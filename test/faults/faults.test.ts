import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { HttpResponse } from "../../functions/auth-core/http/response.ts";
import { keyName } from "../support/operator.ts";
import { calls } from "./calls.ts";
import { searcherFor } from "../infra/canaries.ts";
import { dependencies, type Outcome, rows } from "../../fixtures/fault-table.ts";
import { type FaultWorld, startFaultWorld } from "./world.ts";

let world: FaultWorld;
beforeAll(async () => {
  world = await startFaultWorld();
});
afterAll(() => world.close());

type Item = ConnectionItem | undefined;
const tokenOf = (item: Item) => item?.tokenSet?.accessToken.reveal();

/** What a caller got: the stored token, another one, or an error. */
function callerOf(response: HttpResponse | void, before: Item): Outcome["caller"] {
  if (!response) return "none";
  const { access_token: token } = response.body as { access_token?: string };
  if (response.status === 200) return token === tokenOf(before) ? "stored" : "new";
  return { status: response.status, code: response.line.code as never };
}

/** What is stored, compared with what was there before. */
function stateOf(before: Item, after: Item, labels: Record<string, string>): Outcome["stored"] {
  const { connection, generation = 0, failures = 0, retiringKeys = {} } = after ?? {};
  if (connection === undefined) return "nothing";
  const [own, next] = [1, 2].map((number) => keyName(connection, number));
  if (labels["AWSCURRENT"] !== own) return labels["AWSPENDING"] === undefined ? "rotated" : "kept";
  if (generation > (before?.generation ?? 0)) return "token";
  if (tokenOf(after) !== tokenOf(before)) throw new Error("the stored token is lost");
  if (failures > (before?.failures ?? 0)) return "failure";
  if (after?.leaseUntil !== undefined) return "lease";
  if (labels["NEXT"] === next) return "kept";
  if (Object.keys(before?.retiringKeys ?? {}).length > 0) {
    return Object.keys(retiringKeys).length > 0 ? "entry" : "retired";
  }
  return isDeepStrictEqual(before, after) ? "unchanged" : "kept";
}

describe.each(Object.keys(dependencies))("%s", (name) => {
  test.each(rows.filter(({ dependency }) => dependency === name))(
    "$call: $fault",
    { timeout: 30_000 },
    async ({ dependency, call, fault, outcome }) => {
      const proxy = world.proxies[dependency];
      const { connection, environment, hits, act, again } = await calls[call](world);
      const { notices } = environment;
      const before = await world.item(connection);
      notices.length = 0;
      world.received.length = 0;
      const startedAt = world.clock.now();

      proxy.break({ fault, hits, times: fault === "lost" ? 1 : Number.POSITIVE_INFINITY });
      let broken = 0;
      const errors: unknown[] = [];
      const onFailure = async (error: unknown) => {
        errors.push(error);
        broken += await proxy.heal();
      };
      const response = await world.clock.passUntil(act(onFailure));
      const took = world.clock.now() - startedAt;
      broken += await proxy.heal();
      world.hangForEver(false);

      const after = await world.item(connection);
      const tells = [...new Set([...notices.map(({ kind }) => kind as string), ...world.received])];
      expect(broken).toBeGreaterThan(0);
      expect(proxy.endless()).toBe(0);
      expect({
        caller: callerOf(response, before),
        stored: stateOf(before, after, world.operator.labels(connection)),
        tells: tells.toSorted(),
        within: Math.max(took, outcome.within),
      }).toEqual({ ...outcome, tells: outcome.tells.toSorted() });

      const output = [
        ...errors.map((error) => `${(error as Error).stack} ${JSON.stringify(error)}`),
        JSON.stringify([notices, world.details.splice(0), response?.line, response?.headers]),
        ...(response && response.status !== 200 ? [JSON.stringify(response.body)] : []),
      ];
      const secrets = world.secretsOf(connection, before, after);
      expect(secrets.length).toBeGreaterThan(1);
      expect(searcherFor(secrets)(output.join("\n"))).toEqual([]);

      // The broker recovers: the work completes, and a caller gets a token that Smart Services accepts.
      world.clock.advance(again ? 3601 : 310);
      await world.clock.passUntil(again?.() ?? Promise.resolve());
      const labels = world.operator.labels(connection);
      if (again) expect(stateOf(before, await world.item(connection), labels)).toMatch(/^(rotated|retired|token)$/);
      const later = await world.clock.passUntil(world.observer.get(connection));
      const token = (later.body as { access_token?: string }).access_token;
      expect([later.status, await world.isAccepted(token, connection)]).toEqual([200, true]);
    },
  );
});
