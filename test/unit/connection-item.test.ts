import { expect, it } from "vitest";
import { isInBackoff, isLeased } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { connectionItem, now } from "./examples.ts";

it.each([
  ["the lease lasts a little longer", { leaseOwner: "one", leaseUntil: now + 0.001 }, true],
  ["the lease ends now", { leaseOwner: "one", leaseUntil: now }, false],
  ["the lease has an owner and no end", { leaseOwner: "one" }, false],
  ["the lease has an end and no owner", { leaseUntil: now + 10 }, false],
])("isLeased decides where %s", (_, item, leased) => {
  expect(isLeased(connectionItem(item), now)).toBe(leased);
});

it.each([
  ["the backoff lasts a little longer", { retryAt: now + 0.001 }, true],
  ["the backoff ends now", { retryAt: now }, false],
])("isInBackoff decides where %s", (_, item, inBackoff) => {
  expect(isInBackoff(connectionItem(item), now)).toBe(inBackoff);
});
