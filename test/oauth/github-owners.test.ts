import fc from "fast-check";
import { expect, test } from "vitest";
import type { OidcCaller } from "../../functions/auth-core/rules/callers.ts";
import { openToStrangers, type RequiredClaims } from "../../functions/auth-core/rules/issuer-trust.ts";
import { matchesClaims } from "../../functions/oauth/claims.ts";

const issuer = "https://token.actions.githubusercontent.com";
const audience = "fake-audience";

/** Few letters, so that one name is often the beginning of another. */
const owners = fc.stringMatching(/^[ab](-?[ab1]){0,2}$/);
const repositories = fc.stringMatching(/^[ab.-]{1,3}$/);
const environments = fc.constantFrom("a", "production", "repo:a/b", "x:repository_owner:a");
const keys = [
  "repo",
  "context",
  "repository_owner",
  "repository_owner_id",
  "repository_id",
  "job_workflow_ref",
  "actor",
];

/** One number per name, as GitHub has it. */
const idOf = (name: string) => String(BigInt(`0x${Buffer.from(name).toString("hex")}`));

/** The claims of a job, with a subject in one of GitHub's formats or of a template that the owner chose. */
const jobs = fc
  .record({
    owner: owners,
    repository: repositories,
    environment: environments,
    actor: owners,
    workflowOf: fc.tuple(owners, repositories),
    immutable: fc.boolean(),
    template: fc.oneof(
      fc.constant<string[]>(["repo", "context"]),
      fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1 }),
    ),
  })
  .map(({ owner, repository, environment, actor, workflowOf, immutable, template }) => {
    const repositoryId = idOf(`${owner}/${repository}`);
    const names = immutable ? `${owner}@${idOf(owner)}/${repository}@${repositoryId}` : `${owner}/${repository}`;
    const claims: Record<string, string> = {
      repository: `${owner}/${repository}`,
      repository_id: repositoryId,
      repository_owner: owner,
      repository_owner_id: idOf(owner),
      environment,
      ref: "refs/heads/main",
      job_workflow_ref: `${workflowOf.join("/")}/.github/workflows/a.yml@refs/heads/main`,
      actor,
    };
    const segment = (key: string) => {
      if (key === "repo") return `repo:${names}`;
      return `${key === "context" ? "environment" : key}:${(claims[key] ?? environment).replaceAll(":", "%3A")}`;
    };
    return { owner, claims: { ...claims, aud: audience, sub: template.map(segment).join(":") } };
  });

/** What a careless operator writes: claims of a job, cut anywhere, with or without a star. */
const entries = fc
  .tuple(
    jobs,
    fc.array(
      fc.tuple(fc.constantFrom("sub", "repository", "repository_owner", "ref", "job_workflow_ref"), fc.nat(60)),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    fc.boolean(),
  )
  .map(
    ([{ claims }, chosen, isPrefix]): RequiredClaims =>
      Object.fromEntries(
        chosen.map(([claim, length]) => {
          const value = claims[claim as keyof typeof claims];
          return [claim, isPrefix ? `${value.slice(0, Math.max(1, length))}*` : value];
        }),
      ),
  );

const matches = (claims: RequiredClaims, token: Record<string, unknown>) => {
  const caller: OidcCaller = { kind: "oidc", name: "ci", origins: [], issuer, audience, claims };
  return matchesClaims(caller, token);
};

test("no accepted entry for GitHub's issuer matches the jobs of two owners", () => {
  const seen = { accepted: 0, rejected: 0, matched: 0 };
  const twoOwners = (rule: (claims: RequiredClaims) => boolean) =>
    fc.property(entries, fc.array(jobs, { minLength: 2, maxLength: 8 }), (claims, tokens) => {
      const isAccepted = rule(claims);
      seen[isAccepted ? "accepted" : "rejected"] += 1;
      if (!isAccepted) return;
      const matched = new Set(tokens.filter((token) => matches(claims, token.claims)).map(({ owner }) => owner));
      if (matched.size > 0) seen.matched += 1;
      expect(matched.size).toBeLessThanOrEqual(1);
    });

  fc.assert(
    twoOwners((claims) => openToStrangers(issuer, claims, false) === undefined),
    { seed: 1, numRuns: 20_000 },
  );

  // Both kinds of entries occur, and accepted ones match jobs.
  expect(seen.accepted).toBeGreaterThan(1000);
  expect(seen.rejected).toBeGreaterThan(1000);
  expect(seen.matched).toBeGreaterThan(100);
  // Without the rule, the same entries do match the jobs of two owners.
  expect(
    fc.check(
      twoOwners(() => true),
      { seed: 1, numRuns: 20_000 },
    ).failed,
  ).toBe(true);
});
