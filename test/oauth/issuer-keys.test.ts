import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { IssuerKeys } from "../../functions/auth-core/use-cases/issuer-keys.ts";
import { type SteppedClock, steppedClock } from "../support/clock.ts";
import { closedGate, type Gate } from "../support/gate.ts";

const name = "https://issuer.test";
const day = 86_400;

/** A key set: these tests verify no JWT, and only compare identities. */
const keySet = () => ({ keys: [] });

let clock: SteppedClock;
let keys: IssuerKeys<object>;
/** The instants of all fetches. */
let fetches: number[];
/** What the issuer publishes; without it, fetches fail. */
let published: object | undefined;
/** Holds every fetch while it is there. */
let hanging: Gate | undefined;

beforeEach(() => {
  clock = steppedClock();
  fetches = [];
  published = keySet();
  hanging = undefined;
  keys = new IssuerKeys(clock, async () => {
    fetches.push(clock.now());
    await hanging?.pass();
    if (!published) throw new Error("the issuer is down");
    return published;
  });
});

const known = () => keys.current(name);
/** A request with a key id that the known keys lack. */
async function renewed(kid: string) {
  const found = await known();
  return found.kind === "found" ? keys.otherThan(found.keys, name, kid) : undefined;
}
/** Known keys, and an issuer that does not answer any more. */
async function startHanging() {
  const before = published;
  await known();
  hanging = closedGate();
  published = keySet();
  return { before, gate: hanging };
}

describe("IssuerKeys.current: a refresh", () => {
  test("begins ten minutes after the last successful fetch, and not earlier", async () => {
    await known();
    clock.advance(599);
    await known();
    expect(fetches).toHaveLength(1);

    clock.advance(1);
    published = keySet();

    expect(await known()).toEqual({ kind: "found", keys: published });
    expect(fetches).toHaveLength(2);
  });

  test("does not hold requests up: while it hangs, they get the known keys at once", async () => {
    const { before } = await startHanging();
    clock.advance(600);
    void known();

    for (let i = 0; i < 20; i += 1) expect(await known()).toEqual({ kind: "found", keys: before });
    expect(fetches).toHaveLength(2);
  });

  test("holds the request that starts it up for 1 s, so that Lambda does not freeze every refresh", async () => {
    const { before, gate } = await startHanging();
    clock.advance(600);
    const first = known();
    await gate.reached;
    clock.advance(0.9);
    let isAnswered = false;
    void first.then(() => (isAnswered = true));
    await Promise.resolve();
    expect(isAnswered).toBe(false);

    clock.advance(0.1);

    expect(await first).toEqual({ kind: "found", keys: before });
  });

  test("that failed is tried again after 30 s, and the known keys stay in use", async () => {
    const before = published;
    await known();
    published = undefined;
    clock.advance(600);

    for (let i = 0; i < 61; i += 1) {
      expect(await known()).toEqual({ kind: "found", keys: before });
      clock.advance(1);
    }

    expect(fetches.map((at) => at - (fetches[0] ?? 0))).toEqual([0, 600, 630, 660]);
  });
});

describe("IssuerKeys.current: keys without a successful fetch", () => {
  test("are used for a day, and not longer", async () => {
    await known();
    published = undefined;

    clock.advance(day - 1);
    expect(await known()).toMatchObject({ kind: "found" });
    clock.advance(1);
    expect(await known()).toEqual({ kind: "unavailable", retryAfter: 29 });
  });

  test("that are a day old make every request wait for the fetch in progress", async () => {
    const { gate } = await startHanging();
    clock.advance(day);
    const requests = Array.from({ length: 20 }, known);
    await gate.reached;
    gate.open();

    expect(await Promise.all(requests)).toEqual(Array.from({ length: 20 }, () => ({ kind: "found", keys: published })));
    expect(fetches).toHaveLength(2);
  });

  test("are used for a day from the beginning of the fetch: the issuer may have answered then", async () => {
    hanging = closedGate();
    const first = known();
    clock.advance(100);
    hanging.open();
    await first;
    published = undefined;

    clock.advance(day - 100);

    expect(await known()).toMatchObject({ kind: "unavailable" });
  });
});

describe("IssuerKeys.current: an issuer whose keys are not known", () => {
  test("is unavailable for 30 s after a fetch that failed, and says how many are left", async () => {
    published = undefined;
    expect(await known()).toEqual({ kind: "unavailable", retryAfter: 30 });
    clock.advance(12);
    expect(await known()).toEqual({ kind: "unavailable", retryAfter: 18 });
    clock.advance(17.5);
    expect(await known()).toEqual({ kind: "unavailable", retryAfter: 1 });
    expect(fetches).toHaveLength(1);

    published = keySet();
    clock.advance(0.5);

    expect(await known()).toMatchObject({ kind: "found" });
  });

  test("is known apart from other issuers", async () => {
    await known();
    await keys.current("https://other.test");

    expect(fetches).toHaveLength(2);
  });
});

describe("IssuerKeys.otherThan: an unknown key id", () => {
  test("causes one fetch in 30 s, if its fetch brings no such key", async () => {
    await known();
    for (let i = 0; i < 30; i += 1) {
      await renewed("fake-1");
      clock.advance(1);
    }
    expect(fetches).toHaveLength(2);

    await renewed("fake-1");

    expect(fetches).toHaveLength(3);
  });

  test("finds no keys while the issuer is down, and the known keys stay in use", async () => {
    const before = published;
    await known();
    published = undefined;

    expect(await renewed("key-2")).toBeUndefined();
    expect(await known()).toEqual({ kind: "found", keys: before });
  });

  test("finds keys that a concurrent request fetched meanwhile, without another fetch", async () => {
    const before = published ?? {};
    await known();
    published = keySet();
    await renewed("key-2");

    expect(await keys.otherThan(before, name, "key-3")).toBe(published);
    expect(fetches).toHaveLength(2);
  });
});

describe("IssuerKeys: a flood of unknown key ids", () => {
  test("keeps a new key from working for 30 s at most", async () => {
    await known();
    await renewed("fake-1");
    await renewed("fake-2");
    published = keySet();
    let waited = 0;
    while ((await renewed("key-2")) === undefined && waited < 100) {
      await renewed(`fake-${waited}-a`);
      clock.advance(1);
      waited += 1;
    }

    expect(waited).toBeLessThanOrEqual(30);
  });

  test("never causes more than three fetches in 30 s, with any key ids at any instants", async () => {
    const request = fc.tuple(fc.nat({ max: 40 }), fc.constantFrom(undefined, "a", "b", "c", "d", "e", "f"));
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 10, maxLength: 60 }), fc.boolean(), async (requests, isDown) => {
        const at: number[] = [];
        const stepped = steppedClock();
        const issuer = new IssuerKeys(stepped, async () => {
          at.push(stepped.now());
          if (isDown) throw new Error("the issuer is down");
          return keySet();
        });
        for (const [tenths, kid] of requests) {
          stepped.advance(tenths ** 2 / 100);
          const found = await issuer.current(name);
          if (found.kind === "found") await issuer.otherThan(found.keys, name, kid);
        }
        const most = Math.max(...at.map((from) => at.filter((each) => each >= from && each < from + 30).length));
        expect(most).toBeLessThanOrEqual(3);
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});
