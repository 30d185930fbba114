import { needsOperator } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { isInBackoff } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { mintedAs } from "./fake-upstream.ts";
import type { Change } from "./recording-table.ts";
import type { Stage } from "./stage.ts";

/** Every rule of the replacement that a history breaks, in words. */
export function violations(stage: Stage): string[] {
  const { changes } = stage.history;
  return [
    ...stage.bugs.map((bug) => `a bug was reported: ${bug}`),
    ...changes.flatMap((change) =>
      changeViolations(change, stage).map((what) => `${change.by} ${change.call}: ${what}`),
    ),
    ...callViolations(stage),
  ];
}

function changeViolations({ by, at, before, after, call, newest }: Change, { wasUnregistered }: Stage): string[] {
  if (call === "store") return [];
  const broken: string[] = [];
  const [from, to] = [before?.generation ?? 0, after?.generation ?? 0];
  const newToken = accessTokenOf(after) === accessTokenOf(before) ? undefined : after?.tokenSet?.accessToken;
  if (to < from || to > from + 1) broken.push(`the generation went from ${from} to ${to}`);
  if (newToken && to === from) broken.push("another token under the same generation");
  // With `singleActiveToken` an older token is not valid any more.
  if (newToken && mintedAs(newToken) !== newest) broken.push("stored a token that is not the newest");
  const isOutcome = to !== from || newToken !== undefined || after?.failures !== before?.failures;
  if (before && isOutcome && before.leaseOwner !== by) broken.push("wrote without holding the lease");
  if (before?.tokenSet && !after?.tokenSet) {
    if (to === from) broken.push("erased the tokens, and kept the generation");
    if (!wasUnregistered) broken.push("erased the tokens of a registration that was never gone");
  }
  if (before?.leaseOwner !== undefined && before.leaseOwner !== after?.leaseOwner) {
    const hasEnded = (before.leaseUntil ?? 0) <= at;
    if (before.leaseOwner !== by && !hasEnded) broken.push(`ended the living lease of ${before.leaseOwner}`);
    if (before.leaseOwner !== by && after?.leaseOwner === undefined) broken.push("ended a lease that it never had");
  }
  const tookLease = after?.leaseOwner === by && before?.leaseOwner !== by;
  // A fix of an operator ends a backoff at once. Nothing ends the backoff of a temporary failure.
  const isTemporary = before?.lastError !== undefined && !needsOperator(before.lastError.code);
  if (tookLease && isTemporary && isInBackoff(before, at)) broken.push("took the lease in a backoff");
  return broken;
}

function callViolations({ calls, history }: Stage): string[] {
  const broken: string[] = [];
  for (const { by, isLeased, grant } of calls) {
    if (!isLeased) broken.push(`${by}: no lease in force at the ${grant}`);
  }
  for (const [by, made] of Map.groupBy(calls, (call) => call.by)) {
    const grants = made.map(({ grant }) => grant).join(", ");
    if (!["refresh_token", "api_key", "refresh_token, api_key"].includes(grants))
      broken.push(`${by} made the calls ${grants}`);
  }
  const winners = new Set(
    history.changes.filter(({ before, after }) => tokensOf(before) !== tokensOf(after)).map(({ by }) => by),
  );
  const spent = calls.flatMap(({ by, presented }) => (presented && winners.has(by) ? [presented] : []));
  if (new Set(spent).size < spent.length) broken.push(`winners presented ${spent.join(", ")}`);
  return broken;
}

const accessTokenOf = (item: Change["after"]) => item?.tokenSet?.accessToken.reveal();
const tokensOf = (item: Change["after"]) => `${accessTokenOf(item)} ${item?.tokenSet?.refreshToken?.reveal()}`;
