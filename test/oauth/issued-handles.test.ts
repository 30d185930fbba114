import { beforeEach, describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { RegisteredNames } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { IssuedHandles } from "../../functions/oauth/use-cases/issued-handles.ts";
import { around } from "../../fixtures/around.ts";
import { steppedClock } from "../support/clock.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { fakeCallerKey } from "./callers.ts";
import { fakeHandle, handleNameOf, memoryKeyTables } from "./key-tables.ts";

const connection = connectionId("webapicorso");
const hashOf = (name: string) => callerKeyHash(new Secret(fakeCallerKey(name)));
const listed = ["old-php", "erp"].map(hashOf);
const hash = hashOf("old-php");
const names = { username: "admin_beta", scope: "scope_shop" };

/** The names of the stored token. */
let stored: RegisteredNames;
let tables: ReturnType<typeof memoryKeyTables>;
let clock: ReturnType<typeof steppedClock>;
let notices: Notice[];
beforeEach(() => {
  tables = memoryKeyTables(() => stored);
  stored = names;
  clock = steppedClock();
  notices = [];
});
/** A new environment. */
const environment = (hashes = listed) =>
  new IssuedHandles({ ...tables, clock, notice: (notice) => notices.push(notice) }, hashes);

describe("IssuedHandles.issue", () => {
  test("returns the same handle to a key in every environment, and another one to another key or connection", async () => {
    const first = (await environment().issue(connection, hash, names))?.reveal();
    const again = (await environment().issue(connection, hash, names))?.reveal();
    const others = [
      await environment().issue(connection, hashOf("erp"), names),
      await environment().issue(connectionId("other"), hash, names),
    ].map((handle) => handle?.reveal());

    expect(first).toMatch(/^stbr\.webapicorso\.[\w-]{43}$/);
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
    expect(tables.state).toMatchObject({ handleReads: 4, handleWrites: 3 });
  });

  test("keeps a handle for five minutes from the start of a slow read", async () => {
    tables.handles = around(tables.handles, async (call) => {
      const result = await call();
      clock.advance(2);
      return result;
    });
    const warm = environment();
    await warm.issue(connection, hash, names);

    clock.advance(295.999);
    await warm.issue(connection, hash, names);
    const before = tables.state.handleReads;
    clock.advance(0.001);
    await warm.issue(connection, hash, names);

    expect([before, tables.state.handleReads]).toEqual([1, 2]);
  });

  test("removes at most 50 handles with one write, and the others with the next one", async () => {
    const gone = Array.from({ length: 60 }, (_, index) => {
      const name = `gone-${index}`;
      return [handleNameOf(fakeCallerKey(name), names), new Secret(fakeHandle("webapicorso", name))] as const;
    });
    tables.stored.set(connection, new Map(gone));

    await environment().issue(connection, hash, names);
    const left = tables.stored.get(connection)?.size;
    await environment().issue(connection, hashOf("erp"), names);

    expect([left, tables.stored.get(connection)?.size]).toEqual([10 + 1, 2]);
  });

  test("remembers the handles of 10,000 keys and connections, and forgets them all before one more", async () => {
    const warm = environment();
    const issueTo = (nth: number) => warm.issue(connectionId(`connection-${nth}`), hash, names);
    for (let nth = 0; nth < 10_000; nth += 1) await issueTo(nth);
    await issueTo(0);
    const before = tables.state.handleReads;
    await issueTo(10_000);
    await issueTo(0);

    expect([before, tables.state.handleReads]).toEqual([10_000, 10_002]);
  });

  test("returns none while the table is unavailable, tries again after 30 s, and keeps the handle that it knows", async () => {
    const cold = environment();
    const warm = environment();
    const known = await warm.issue(connection, hash, names);
    clock.advance(301);
    tables.state.isDown = true;
    const before = tables.state.handleReads;

    expect(await cold.issue(connection, hash, names)).toBeUndefined();
    expect((await warm.issue(connection, hash, names))?.reveal()).toBe(known?.reveal());
    clock.advance(29);
    expect(await cold.issue(connection, hash, names)).toBeUndefined();
    expect(tables.state.handleReads - before).toBe(2);
    expect(notices.map(({ kind }) => kind)).toEqual(["table_unavailable", "table_unavailable"]);

    tables.state.isDown = false;
    clock.advance(2);
    expect((await cold.issue(connection, hash, names))?.reveal()).toBe(known?.reveal());
  });
});

describe("IssuedHandles.issue, after the token was issued for other names,", () => {
  const others = { ...names, username: "admin_delta" };

  test("returns another handle, and removes the first one of every listed key", async () => {
    const first = await environment().issue(connection, hash, names);
    await environment().issue(connection, hashOf("erp"), names);
    stored = others;

    const second = await environment().issue(connection, hash, others);

    expect(second?.reveal()).not.toBe(first?.reveal());
    expect([...(tables.stored.get(connection)?.keys() ?? [])]).toEqual([
      handleNameOf(fakeCallerKey("old-php"), others),
    ]);
  });

  test("returns none for the token of memory, and removes nothing", async () => {
    stored = others;
    await environment().issue(connection, hash, others);
    const { handleWrites } = tables.state;

    expect(await environment().issue(connection, hash, names)).toBeUndefined();
    expect(tables.state.handleWrites).toBe(handleWrites);
  });
});

describe("IssuedHandles.ownerOf", () => {
  test("finds the key of a handle, and none for another handle or another connection", async () => {
    const handle = (await environment().issue(connection, hash, names)) ?? new Secret("");
    const before = tables.state.handleWrites;

    expect(await environment().ownerOf(connection, handle)).toEqual({ keySha256: hash, names });
    expect(await environment().ownerOf(connectionId("other"), handle)).toBeUndefined();
    expect(await environment().ownerOf(connection, new Secret(fakeHandle("webapicorso", "1")))).toBeUndefined();
    expect(tables.state.handleWrites).toBe(before);
  });

  test("finds none if the stored token was issued for another username or scope", async () => {
    const handle = (await environment().issue(connection, hash, names)) ?? new Secret("");

    for (const changed of [{ username: "admin_delta" }, { scope: "scope_other" }, { username: undefined }]) {
      stored = { ...names, ...changed };
      expect(await environment().ownerOf(connection, handle)).toBeUndefined();
    }
    stored = names;
    expect(await environment().ownerOf(connection, handle)).toEqual({ keySha256: hash, names });
  });
});
