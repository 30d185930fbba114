import { describe, expect, test } from "vitest";
import {
  openConnectionsClaim,
  openToStrangers,
  type RequiredClaims,
} from "../../functions/auth-core/rules/callers/issuer-trust.ts";
import { sharedIssuers } from "../../functions/auth-core/rules/callers/shared-issuers.ts";

const github = "https://token.actions.githubusercontent.com";
const fault = openToStrangers;
/** A `connectionsClaim` that only administrators set. */
const set = "smart_services";
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad";

/** Claims that name one tenant of a shared issuer; each has a subject in its table, too. */
const bound: [issuer: string, claims: RequiredClaims[]][] = [
  [
    github,
    [
      { sub: "repo:acme/shop" },
      { sub: "repo:acme@123/shop@456:*" },
      { sub: "repo:acme/shop:job_workflow_ref:acme/workflows/.github/workflows/deploy.yml@*" },
      { sub: "repository_owner:acme" },
      { sub: "repository_owner_id:123:*" },
      { repository: "acme/shop" },
      { repository_owner_id: "123", sub: "repo:*" },
    ],
  ],
  ["https://gitlab.com", [{ sub: "project_path:acme/*" }, { project_path: "acme/*" }, { namespace_path: "acme" }]],
  ["https://accounts.google.com", [{ email: "ci@acme.iam.gserviceaccount.com", email_verified: true }]],
  [
    "https://api.pulumi.com/oidc",
    [
      { sub: "pulumi:environments:org:acme:env:shop/production" },
      { sub: "pulumi:environments:pulumi.organization.login:acme" },
    ],
  ],
];

/** Claims that strangers' JWTs of a shared issuer can have; jobs of GitHub: test/oauth/github-owners.test.ts. */
const open: [issuer: string, claims: RequiredClaims[]][] = [
  [
    github,
    [
      {},
      { job_workflow_ref: "acme/workflows/.github/workflows/deploy.yml@refs/heads/main" },
      { sub: "repo:acme/shop*" },
      { sub: "Repo:acme/shop:*" },
      { sub: "environment:production:repo:acme/shop" },
      { sub: true },
      { toString: "a" },
      { repository: "evil/acme/shop" },
      { repository_owner: "acme/*" },
    ],
  ],
  [
    "https://gitlab.com",
    [
      { ci_config_ref_uri: "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main" },
      { sub: "project_path:acme*" },
      { project_path: "acme/shop*" },
      { project_path: "/acme/shop" },
      { namespace_path: "/acme" },
    ],
  ],
  [
    "https://accounts.google.com",
    [
      { email: "ci@acme.iam.gserviceaccount.com" },
      // Google's claim is a boolean: this entry would match nobody.
      { email: "ci@acme.example", email_verified: "true" },
      { email: "ci@*", email_verified: true },
      { hd: "acme/*" },
    ],
  ],
  ...[
    `login.microsoftonline.com/${personalTenant}/v2.0`,
    `LOGIN.microsoftonline.com/${personalTenant.toUpperCase()}/v2.0/`,
    `login.microsoftonline.us/${personalTenant}/v2.0`,
    `login.partner.microsoftonline.cn/${personalTenant}/v2.0`,
    `sts.windows.net/${personalTenant}/`,
    `sts.chinacloudapi.cn/${personalTenant}/`,
  ].map((issuer): (typeof bound)[number] => [`https://${issuer}`, [{ azp: "fake-client" }, { tid: personalTenant }]]),
  ["https://app.terraform.io", [{ sub: "organization:*" }, { terraform_workspace_name: "shop" }]],
  [
    "https://api.pulumi.com/oidc",
    [
      { sub: "pulumi:environments:currentEnvironment.name:shop/production" },
      { sub: "pulumi:org:fake-org:env:fake-environment" },
    ],
  ],
  [
    "https://identity.depot.dev",
    [
      { sub: "spiffe://identity.depot.dev/org//*" },
      { sub: "spiffe://evil.example/spiffe://identity.depot.dev/org/org_fake/*" },
      { repository: "acme/shop", ref: "refs/heads/main" },
    ],
  ],
  ["https://oidc.deno.com", [{ sub: "deployment:/shop/*" }, { sub: "x:deployment:acme/*" }]],
];

const each = (of: typeof bound) => of.flatMap(([issuer, all]) => all.map((claims) => [issuer, claims] as const));

describe("openToStrangers, on an issuer that many tenants share,", () => {
  test.each(each(bound))("accepts from %s %j", (issuer, claims) => {
    expect(fault(issuer, claims)).toBeUndefined();
    expect(fault(issuer, claims, set)).toBeUndefined();
  });

  test.each(each(open))("rejects from %s %j, also with a connectionsClaim", (issuer, claims) => {
    expect(fault(issuer, claims)).toMatch(/^oidc\.claims/);
    expect(fault(issuer, claims, set)).toBe(fault(issuer, claims));
  });

  test.each(["HTTPS://Token.Actions.GitHubUserContent.com", `${github}/%2e/`, `${github}:8443`, `${github}..`])(
    "recognises GitHub's issuer as %s",
    (issuer) => {
      expect(fault(issuer, { ref: "refs/heads/main" })).toContain("GitHub Actions");
    },
  );

  test.each(sharedIssuers)(
    "knows a subject of one tenant of $name, and its source",
    ({ name, url, subject, source }) => {
      expect(fault(`https://${url}`, { sub: subject })).toBeUndefined();
      expect(fault(`https://${url}`, { sub: `*${subject}` })).toMatch(/^oidc\.claims/);
      expect([name, source]).toEqual([expect.stringMatching(/^[A-Z]/), expect.stringMatching(/^https:/)]);
    },
  );

  test.each([
    ["the custom issuer of an enterprise of GitHub", `${github}/acme`],
    ["GitHub with data residency", "https://token.actions.acme.ghe.com"],
    ["an organization of CircleCI", "https://oidc.circleci.com/org/00000000-0000-0000-0000-000000000000"],
    ["another host that ends like GitHub's", "https://fake-token.actions.githubusercontent.com"],
  ])("does not count %s as shared", (_, issuer) => {
    expect(fault(issuer, { ref: "refs/heads/main" })).toBeUndefined();
  });
});

describe("openToStrangers, on the issuer of one tenant,", () => {
  const keycloak = "https://login.example.com/realms/acme";

  /** Claims that name a caller, also among users who registered themselves. */
  const closed: RequiredClaims[] = [
    { roles: "deploy" },
    { roles: "authenticated-partners" },
    { groups: "Not Everyone" },
    { groups: "my-default-roles-acme" },
    { azp: "shop" },
    { organization: "acme" },
    { scope: "acme.openid" },
    { scope: "profile.write" },
    { email: "ci@acme.example", email_verified: true },
    { email: "ci@acme.example", email_verified: "true" },
    { phone_number: "+390000000000", phone_number_verified: true },
    { sub: "system:serviceaccount:shop:*" },
    { sub: "spiffe://acme.example/*" },
    { sub: "arn:aws:iam::123456789012:*" },
    { sub: "acme:arn:aws:*" },
    { repository_owner_id: "123", sub: "repo:*" },
    { job_workflow_ref: "acme/workflows/.github/workflows/deploy.yml@*" },
  ];

  const withValue = (value: string, names: string): RequiredClaims[] =>
    names.split(" ").map((claim) => ({ [claim]: value }));
  const withPrefix = (claim: string, prefixes: string): RequiredClaims[] =>
    prefixes.split(" ").map((prefix) => ({ [claim]: `${prefix}*` }));

  /** Claims that strangers can have too. They count only beside another. */
  const countless: RequiredClaims[] = [
    ...withValue("1", "iss aud exp nbf iat jti nonce acr amr auth_time typ token_use gty aal"),
    ...withValue("1", "ver idtyp azpacr appidacr acrs tfp"),
    { email_verified: true },
    { is_anonymous: false },
    ...withValue("admin", "name given_name family_name middle_name nickname preferred_username profile picture"),
    ...withValue("it", "website gender birthdate zoneinfo locale updated_at address"),
    { email: "ci@acme.example" },
    { scope: "address email offline_access openid phone profile" },
    { scope: " openid " },
    { scp: "openid" },
    { role: "authenticated" },
    { groups: "Everyone" },
    ...["offline_access", "uma_authorization", "default-roles-acme"].map((role) => ({ roles: role })),
    ...withPrefix("sub", "system: system:serviceaccount: http:// https: https:// spiffe: spiffe://"),
    ...withPrefix("sub", "repo: project_path: organization: pulumi: deployment: repo:OWNER/"),
    ...withPrefix("principal", "arn: arn:aws: arn:aws:iam: arn:aws:iam:: arn:aws-us-gov:sts:eu-south-1:"),
  ];

  test.each(closed)("accepts %j", (claims) => {
    expect(fault(keycloak, claims)).toBeUndefined();
  });

  test.each(countless)("rejects %j alone", (claims) => {
    expect(fault(keycloak, claims)).toMatch(/^oidc\.claims\.\w+ .+ does not name the caller: .+ a claim that does/);
    expect(fault(keycloak, { ...claims, azp: "shop" })).toBeUndefined();
    expect(fault(keycloak, claims, set)).toBeUndefined();
    expect(fault(keycloak, claims, "scope")).toBeUndefined();
    expect(fault(keycloak, claims, "nickname")).toBe(fault(keycloak, claims));
  });

  test("rejects no claims, except with a connectionsClaim that users do not choose", () => {
    const empty =
      "oidc.claims is empty, so every JWT of the issuer would match. Add a claim that names the caller, like sub, roles or groups";

    expect(fault(keycloak, {})).toBe(empty);
    expect(fault(keycloak, {}, set)).toBeUndefined();
    for (const chosen of ["name", "email", "username", "cognito:username"]) {
      expect(fault(keycloak, {}, chosen)).toBe(empty);
    }
  });

  const awsAccount = "https://00000000-0000-0000-0000-000000000000.tokens.sts.global.api.aws";
  test.each(["role/orders", "role/team/*", "user/ci"])(
    "accepts %s of an AWS account, by its issuer of AWS STS",
    (name) => {
      expect(fault(awsAccount, { sub: `arn:aws:iam::123456789012:${name}` })).toBeUndefined();
    },
  );

  test.each<RequiredClaims>([
    {},
    { aud: "smart-token-broker" },
    { sub: "arn:aws:iam::*" },
    { sub: "arn:aws:iam::123456789012:*" },
    { sub: "arn:aws:iam::123456789012:role/*" },
  ])("rejects %j of an AWS account, which all its roles have", (claims) => {
    expect(fault(awsAccount, claims)).toMatch(/^oidc\.claims/);
  });

  test("takes no other issuer for one of AWS STS, and no subject with an ARN in it for an ARN", () => {
    const other = "https://a.id.tokens.sts.global.api.aws";

    expect(fault(other, { sub: "arn:aws:iam::123456789012:role/*" })).toBeUndefined();
    expect(fault(awsAccount, { sub: "of:arn:aws:iam::123456789012:*" })).toBeUndefined();
  });

  test("names a claim by its position if somebody may have pasted a key as its name", () => {
    const key = `stb_${"a".repeat(43)}`;

    expect(fault(keycloak, { sub: "exact", [key]: "a*" })).toBe(
      'oidc.claims: 2 (a name of 47 characters) "a*" also matches a-evil. End the prefix with ":" or "/", or write the full value',
    );
  });

  test.each(["shop*", "team-*", "a.*", "/*", ":*", "://*", "@*"])("rejects the prefix %s of any claim", (prefix) => {
    expect(fault(keycloak, { sub: "exact", department: prefix }, set)).toMatch(/^oidc\.claims\.department "/);
  });

  test.each<[RequiredClaims, string]>([
    [{ email: "admin@*", email_verified: true }, "admin@evil.example. Write the full value"],
    [{ email: "admin/*", email_verified: true }, "admin/-evil. Write the full value"],
    [{ preferred_username: "admin@*", azp: "shop" }, "admin@evil.example. Write the full value"],
    [{ sub: "admin@*" }, 'admin@evil.example. End the prefix with ":" or "/", or write the full value'],
    [{ workflow_ref: "acme/shop*" }, 'acme/shop-evil. End the prefix with ":", "/" or "@", or write the full value'],
  ])("rejects %j, whose prefix does not end where a name ends", (claims, message) => {
    expect(fault(keycloak, claims, set)).toMatch(new RegExp(`also matches ${message.replaceAll(".", "\\.")}$`));
  });
});

describe("openConnectionsClaim", () => {
  test.each([set, "groups", "roles", "https://acme.example/connections"])("accepts %s", (claim) => {
    expect(openConnectionsClaim(claim, false)).toBeUndefined();
  });

  test.each(["aud", "nonce", "ver", "acr", "email_verified"])("rejects %s, which names no user", (claim) => {
    const message = `oidc.connectionsClaim cannot be ${claim}: it says nothing about the JWT's user, and its sender may choose it. Name a claim that the issuer sets for each user`;

    expect(openConnectionsClaim(claim, false)).toBe(message);
    expect(openConnectionsClaim(claim, true)).toBe(message);
  });

  test.each([
    ...["scope", "scp"].map((claim) => [claim, "request"]),
    ...["name", "preferred_username", "nickname", "locale", "email", "username", "cognito:username"].map((claim) => [
      claim,
      "choose",
    ]),
  ])("rejects %s without connections", (claim, verb) => {
    expect(openConnectionsClaim(claim, true)).toBeUndefined();
    expect(openConnectionsClaim(claim, false)).toBe(
      `oidc.connectionsClaim can be ${claim} only with connections: without them, users who ${verb} the id of a connection as ${claim} would get it. Add connections, or name a claim that only administrators set`,
    );
  });
});

describe("openToStrangers, on Microsoft Entra,", () => {
  const tenant = "fa4e0000-2222-3333-4444-55555555fa4e";

  test.each([
    `https://login.microsoftonline.com/${tenant}/v2.0`,
    `https://sts.windows.net/${tenant}/`,
    "https://fake-login.microsoftonline.com/common",
    "https://login.microsoftonline.us.example.com/common",
  ])("accepts a tenant's issuer, or one of another host: %s", (issuer) => {
    expect(fault(issuer, { roles: "Deploy" })).toBeUndefined();
  });

  test.each([
    `https://sts.windows.net/${tenant}/`,
    `https://login.microsoftonline.com/${tenant.toUpperCase()}/v2.0`,
    `https://acme.ciamlogin.com/${tenant}/v2.0`,
  ])("rejects the tenant's id as the only claim, because all JWTs of the issuer have it: %s", (issuer) => {
    for (const tid of [tenant, tenant.toUpperCase()]) {
      expect(fault(issuer, { tid })).toBe(
        `oidc.claims.tid "${tid}" does not name the caller: JWTs of strangers have it too. Add a claim that does, like sub, roles or groups`,
      );
    }
  });

  test.each([
    "https://login.microsoftonline.com:443/organizations/v2.0",
    "https://LOGIN.microsoftonline.com/{tenantid}/v2.0",
    "https://login.microsoftonline.com./common/v2.0",
    "https://login.microsoftonline.com/acme.onmicrosoft.com/v2.0",
    `https://login.microsoftonline.com/common-${tenant}/v2.0`,
    `https://login.microsoftonline.com/${tenant}-common/v2.0`,
    "https://login.microsoftonline.com",
    "https://sts.windows.net/common/",
  ])("rejects %s, whatever the claims", (issuer) => {
    expect(fault(issuer, { sub: "fake-subject" }, set)).toMatch(/^oidc\.issuer .+ Write the iss of your JWTs/);
  });
});

test.each<[issuer: string, RequiredClaims, string]>([
  ["https://gitlab.com", { project_path: "acme*" }, 'Write "acme/*", or write the full value'],
  [
    "https://accounts.google.com",
    { azp: "fake" },
    'Require "sub": "ID_OF_THE_ACCOUNT" or email with "email_verified": true or hd',
  ],
])("openToStrangers on %s says what to write instead of %j", (issuer, claims, message) => {
  expect(fault(issuer, claims)).toContain(message);
});

test.each<[RequiredClaims, string]>([
  [
    { sub: "repo:acme/shop*" },
    'oidc.claims.sub "repo:acme/shop*" also matches repo:acme/shop-evil. Write "repo:acme/shop:*", or write the full value',
  ],
  [
    { sub: "repo:acme*" },
    'oidc.claims.sub "repo:acme*" also matches repo:acme-evil. Write "repo:OWNER/REPOSITORY:*", or write the full value',
  ],
  [
    { sub: "repo:acme/shop:ref:refs/tags/v*" },
    'oidc.claims.sub "repo:acme/shop:ref:refs/tags/v*" also matches repo:acme/shop:ref:refs/tags/v-evil. End the prefix with ":", "/" or "@", or write the full value',
  ],
  [{ environment: "/*" }, 'oidc.claims.environment "/*" has no name in its prefix. Add one, or write the full value'],
  [
    { environment: "prod*" },
    'oidc.claims.environment "prod*" also matches prod-evil. End the prefix with ":" or "/", or write the full value',
  ],
  [
    { ref: "refs/heads/*" },
    'oidc.claims does not name one tenant of GitHub Actions, which issues JWTs to everyone. Require "sub": "repo:OWNER/REPOSITORY:*" or repository or repository_id or repository_owner or repository_owner_id or enterprise_id',
  ],
  [
    { sub: "repo:*" },
    'oidc.claims.sub "repo:*" does not name one tenant of GitHub Actions, which issues JWTs to everyone. Require "sub": "repo:OWNER/REPOSITORY:*" or repository or repository_id or repository_owner or repository_owner_id or enterprise_id',
  ],
])("openToStrangers says who would match %j and what to write instead", (claims, message) => {
  expect(fault(github, claims)).toBe(message);
});
