import { describe, expect, it } from "vitest";
import { decodeItem, encodeItem, replacementAttributes } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { fakeTokenSet, fullItem } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";

const connection = connectionId("webapicorso");
const bareItem: ConnectionItem = { connection, generation: 0, failures: 0 };

describe("an item", () => {
  it.each([
    ["everything in it", fullItem(connection)],
    ["nothing optional in it", bareItem],
    ["a token set with nothing optional in it", { ...bareItem, tokenSet: fakeTokenSet() }],
    ["flags that are off", { ...bareItem, skipRefresh: false, tokenSet: fakeTokenSet({ singleActiveToken: false }) }],
  ])("with %s is the same after encoding and decoding", (_case, item) => {
    const decoded = decodeItem(encodeItem(item));

    expect(decoded).toEqual(item);
    expect(decoded.tokenSet?.accessToken.reveal()).toBe(item.tokenSet?.accessToken.reveal());
    expect(decoded.tokenSet?.refreshToken?.reveal()).toBe(item.tokenSet?.refreshToken?.reveal());
  });

  it("has one attribute for each field, and none for an absent one", () => {
    const { tokenSet, ...rest } = fullItem(connection);

    expect(Object.keys(encodeItem(fullItem(connection))).toSorted()).toEqual(
      [...Object.keys(rest), ...Object.keys(tokenSet ?? {})].toSorted(),
    );
    expect(encodeItem(bareItem)).toEqual({
      connection: { S: connection },
      generation: { N: "0" },
      failures: { N: "0" },
    });
  });

  it("keeps instants to the millisecond", () => {
    const decoded = decodeItem(encodeItem({ ...bareItem, retryAt: 1_800_000_000.123_456 }));

    expect(decoded.retryAt).toBe(1_800_000_000.123);
  });

  it("has no token set if the token or its end is missing", () => {
    const { accessToken: _token, ...noToken } = encodeItem({ ...bareItem, tokenSet: fakeTokenSet() });
    const { accessTokenExpiresAt: _end, ...noEnd } = encodeItem({ ...bareItem, tokenSet: fakeTokenSet() });

    expect([decodeItem(noToken), decodeItem(noEnd)]).toEqual([bareItem, bareItem]);
  });

  it("is decoded without unknown attributes", () => {
    const foreign = { partition: { N: "3" }, unknown: { S: "fake" } };

    expect(decodeItem({ ...encodeItem(bareItem), ...foreign })).toEqual(bareItem);
  });

  it("without generation and failures, created by another writer, has 0 for both", () => {
    expect(decodeItem({ connection: { S: connection }, retiringKeys: { M: {} } })).toEqual({
      ...bareItem,
      retiringKeys: {},
    });
  });
});

it("replacementAttributes are all attributes but the key and what is written without a lease", () => {
  const stored = Object.keys(encodeItem(fullItem(connection)));

  expect(replacementAttributes.toSorted()).toEqual(
    stored
      .filter((name) => !["connection", "retiringKeys", "apiAcceptedAt"].includes(name) && !name.endsWith("CheckedAt"))
      .toSorted(),
  );
});
