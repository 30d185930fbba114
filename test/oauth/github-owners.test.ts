import fc from "fast-check";
import { expect, test } from "vitest";
import type { OidcCaller } from "../../functions/auth-core/rules/callers/oidc-caller.ts";
import { openToStrangers, type RequiredClaims } from "../../functions/auth-core/rules/callers/issuer-trust.ts";
import { matchesClaims } from "../../functions/auth-core/rules/callers/claims.ts";

const issuer = "https://token.actions.githubusercontent.com";
const audience = "fake-audience";

/** Few letters, so that one name is often the beginning of another. */
const repositories = fc.record({
  owner: fc.stringMatching(/^[ab](-?[ab1]){0,2}$/),
  name: fc.stringMatching(/^[ab.-]{1,3}$/),
});

const ids = ["repository_id", "repository_owner_id"];
const keys = ["repo", "context", "repository_owner", "job_workflow_ref", "actor", ...ids];

/** What a stranger can copy from the job of somebody else. The template is that of the subject. */
const choices = fc.record({
  environment: fc.constantFrom("production", "repo:a/b", "x:repository_owner:a"),
  actor: fc.constantFrom("a", "ab"),
  workflowOf: fc.constantFrom("a/b", "ab/b"),
  isImmutable: fc.boolean(),
  template: fc.oneof(
    fc.constant<string[]>(["repo", "context"]),
    fc.constantFrom(...keys).map((key) => [key]),
    fc.uniqueArray(fc.constantFrom(...keys), { minLength: 2 }),
  ),
});

type Repository = typeof repositories extends fc.Arbitrary<infer T> ? T : never;
type Choices = typeof choices extends fc.Arbitrary<infer T> ? T : never;

/** One number per name, as GitHub has it. */
const idOf = (name: string) => String(BigInt(`0x${Buffer.from(name).toString("hex")}`));

/** The claims of a job, with a subject in one of GitHub's formats or of a template that the owner chose. */
function jobOf({ owner, name }: Repository, { environment, actor, workflowOf, isImmutable, template }: Choices) {
  const repository = `${owner}/${name}`;
  const claims = {
    repository,
    repository_id: idOf(repository),
    repository_owner: owner,
    repository_owner_id: idOf(owner),
    environment,
    ref: "refs/heads/main",
    job_workflow_ref: `${workflowOf}/.github/workflows/a.yml@refs/heads/main`,
    actor,
  };
  const values: Record<string, string> = {
    ...claims,
    repo: isImmutable ? `${owner}@${idOf(owner)}/${name}@${idOf(repository)}` : repository,
  };
  const segment = (key: string) =>
    key === "context"
      ? `environment:${environment.replaceAll(":", "%3A")}`
      : `${key}:${values[key]?.replaceAll(":", "%3A")}`;
  return { ...claims, sub: template.map(segment).join(":") };
}

/** How a careless operator writes claims of a job: which, cut where, with which end. */
const notes = fc.array(
  fc.tuple(
    fc.constantFrom(
      "sub",
      "sub",
      "repository",
      "repository_owner",
      "environment",
      "ref",
      "job_workflow_ref",
      "actor",
      ...ids,
    ),
    fc.nat(60),
    fc.constantFrom("whole", "*", ":*", "/*", "@*", "after the first colon"),
  ),
  { minLength: 1, maxLength: 2 },
);

function entryOf(job: Record<string, string>, noted: [string, number, string][]): RequiredClaims {
  const written = noted.map(([claim, length, end]) => {
    const value = job[claim] ?? "";
    if (end === "whole") return [claim, value];
    return [claim, end.endsWith("*") ? `${value.slice(0, length)}${end}` : `${value.split(":")[0]}:*`];
  });
  return Object.fromEntries(written) as RequiredClaims;
}

const matches = (claims: RequiredClaims, job: Record<string, string>) => {
  const caller: OidcCaller = { kind: "oidc", name: "ci", origins: [], issuer, audience, claims, maxLifetime: 3600 };
  return matchesClaims(caller, { ...job, aud: audience });
};

test("no accepted entry for GitHub's issuer matches a job of one owner and its copy by another", () => {
  const seen = { accepted: 0, rejected: 0, matched: 0 };
  const twoOwners = (isAccepted: (claims: RequiredClaims) => boolean) =>
    fc.property(repositories, repositories, choices, choices, fc.boolean(), notes, (own, other, ...rest) => {
      const [mine, theirs, isCopy, noted] = rest;
      const job = jobOf(own, mine);
      const entry = entryOf(job, noted);
      seen[isAccepted(entry) ? "accepted" : "rejected"] += 1;
      if (!isAccepted(entry) || !matches(entry, job)) return;
      seen.matched += 1;
      expect(own.owner !== other.owner && matches(entry, jobOf(other, isCopy ? mine : theirs))).toBe(false);
    });
  const options = { seed: 1, numRuns: 20_000 };

  fc.assert(
    twoOwners((claims) => openToStrangers(issuer, claims) === undefined),
    options,
  );

  // Both kinds of entries occur, and accepted ones match.
  expect(Math.min(seen.accepted, seen.rejected, seen.matched)).toBeGreaterThan(1000);
  // Without the rule, the same entries do match strangers' jobs.
  const without = fc.check(
    twoOwners(() => true),
    options,
  );
  expect(without.failed).toBe(true);
});
