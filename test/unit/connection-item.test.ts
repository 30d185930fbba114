import { expect, it } from "vitest";
import { isInBackoff, isLeased } from "../../functions/auth-core/rules/connection-item.ts";
import { connectionItem, now } from "./examples.ts";

it.each([
  ["nobody holds it", {}, false],
  ["it lasts a little longer", { leaseOwner: "one", leaseUntil: now + 0.001 }, true],
  ["it ends now", { leaseOwner: "one", leaseUntil: now }, false],
  ["it has run out", { leaseOwner: "one", leaseUntil: now - 1 }, false],
  ["it has an owner and no end", { leaseOwner: "one" }, false],
  ["it has an end and no owner", { leaseUntil: now + 10 }, false],
])("judges a lease where %s", (_, item, leased) => {
  expect(isLeased(connectionItem(item), now)).toBe(leased);
});

it.each([
  ["nothing failed", {}, false],
  ["it lasts a little longer", { retryAt: now + 0.001 }, true],
  ["it ends now", { retryAt: now }, false],
  ["it has ended", { retryAt: now - 1 }, false],
])("judges a backoff where %s", (_, item, inBackoff) => {
  expect(isInBackoff(connectionItem(item), now)).toBe(inBackoff);
});
