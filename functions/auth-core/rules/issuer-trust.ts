import { unknownName } from "./unknown-name.ts";

/** Claim → the value that a JWT must have: exactly, or as a prefix if it ends in `*`. */
export type RequiredClaims = Record<string, string | boolean>;

/** An issuer that gives JWTs to everyone who registers. Its table has only what the issuer's documentation says. */
export interface SharedIssuer {
  name: string;
  /** Host, and path without slashes around it. Other paths of the host are issuers of one tenant. */
  url: string;
  /** Claim → how its value in the list is written if it names one tenant. No other claim does. */
  tenantClaims: Record<string, RegExp>;
  /** A `sub` that names one tenant, for errors. */
  subject: string;
  /** The issuer's documentation of its claims. */
  source: string;
}

const exact = /^[^*]+$/;

/** The tenant of all personal accounts of Microsoft. Every host of Entra can be in the `iss` of its JWTs. */
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad";

const hcpTerraform = {
  tenantClaims: {
    sub: /^organization:[^:*]+:/,
    terraform_organization_id: exact,
    terraform_organization_name: exact,
    terraform_project_id: exact,
    terraform_workspace_id: exact,
  },
  subject: "organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:*",
  source:
    "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens",
};

export const sharedIssuers: SharedIssuer[] = [
  {
    name: "GitHub Actions",
    url: "token.actions.githubusercontent.com",
    tenantClaims: {
      // GitHub writes a colon within a value as %3A, so a value ends at the next colon. A customised subject counts if
      // it begins with a claim that names a tenant.
      sub: /^(repo:[^/:*]+\/[^/:*]+|(repository_id|repository_owner|repository_owner_id|enterprise_id):[^:*]+)(:|$)/,
      repository: /^[^/*]+\/[^/*]+$/,
      repository_id: exact,
      repository_owner: exact,
      repository_owner_id: exact,
      enterprise_id: exact,
    },
    subject: "repo:OWNER/REPOSITORY:*",
    source: "https://docs.github.com/en/enterprise-cloud@latest/actions/reference/security/oidc",
  },
  {
    name: "GitLab.com",
    url: "gitlab.com",
    tenantClaims: {
      sub: /^project_path:[^/:*]+\//,
      project_id: exact,
      project_path: /^[^/*]+\//,
      namespace_id: exact,
      namespace_path: /^[^/*]+(\/|$)/,
    },
    subject: "project_path:GROUP/PROJECT:*",
    source: "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
  },
  {
    name: "Google",
    url: "accounts.google.com",
    tenantClaims: { sub: exact, email: exact, hd: exact },
    subject: "ID_OF_THE_ACCOUNT",
    source: "https://developers.google.com/identity/openid-connect/openid-connect",
  },
  {
    name: "Apple",
    url: "appleid.apple.com",
    tenantClaims: { sub: exact },
    subject: "ID_OF_THE_USER",
    source: "https://developer.apple.com/documentation/signinwithapplejs/authorizationi/id_token",
  },
  {
    name: "Microsoft's personal accounts",
    url: `login.microsoftonline.com/${personalTenant}/v2.0`,
    tenantClaims: { sub: exact, oid: exact },
    subject: "ID_OF_THE_USER",
    source: "https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference",
  },
  {
    name: "Buildkite",
    url: "agent.buildkite.com",
    tenantClaims: {
      sub: /^organization:[^:*]+:/,
      organization_id: exact,
      organization_slug: exact,
      pipeline_id: exact,
    },
    subject: "organization:ORGANIZATION:pipeline:PIPELINE:*",
    source: "https://buildkite.com/docs/agent/cli/reference/oidc",
  },
  { ...hcpTerraform, name: "HCP Terraform", url: "app.terraform.io" },
  { ...hcpTerraform, name: "HCP Terraform in Europe", url: "app.eu.terraform.io" },
  {
    name: "Vercel's global issuer",
    url: "oidc.vercel.com",
    tenantClaims: { sub: /^owner:[^:*]+:/, owner: exact, owner_id: exact, project_id: exact },
    subject: "owner:TEAM:project:PROJECT:environment:production",
    source: "https://vercel.com/docs/oidc/reference",
  },
  {
    name: "Pulumi Cloud",
    url: "api.pulumi.com/oidc",
    tenantClaims: {
      // The last form is that of a customised subject: it always begins with the organization.
      sub: /^pulumi:(deploy:org|environments:org|environments:pulumi\.organization\.login):[^:*]+(:|$)/,
      org: exact,
    },
    subject: "pulumi:deploy:org:ORGANIZATION:project:PROJECT:*",
    source: "https://www.pulumi.com/docs/deployments/guides/oidc/",
  },
  {
    name: "Pulumi ESC's custom audiences",
    url: "api.pulumi.com/oidc/v2",
    tenantClaims: {
      sub: /^pulumi:org:[^:*]+:/,
      "https://pulumi.com/org": exact,
      "https://pulumi.com/org_id": exact,
    },
    subject: "pulumi:org:ORGANIZATION_ID:env:ENVIRONMENT_ID",
    source: "https://www.pulumi.com/docs/esc/guides/configuring-oidc/custom-audience/",
  },
  {
    name: "Codefresh",
    url: "oidc.codefresh.io",
    tenantClaims: { sub: /^account:[^:*]+:/ },
    subject: "account:ACCOUNT_ID:pipeline:PIPELINE_ID:*",
    source: "https://codefresh.io/docs/docs/integrations/oidc-pipelines/",
  },
  {
    name: "Scalr",
    url: "scalr.io",
    tenantClaims: { sub: /^account:[^:*]+:/ },
    subject: "account:ACCOUNT:environment:ENVIRONMENT:workspace:WORKSPACE",
    source: "https://docs.scalr.io/docs/aws",
  },
  {
    name: "Depot CI",
    url: "identity.depot.dev",
    // Its claim repository does not say on which host of repositories.
    tenantClaims: { sub: /^spiffe:\/\/identity\.depot\.dev\/org\/[^/*]+\//, org_id: exact },
    subject: "spiffe://identity.depot.dev/org/ORG_ID/ci/github/OWNER/REPOSITORY/*",
    source: "https://depot.dev/docs/ci/oidc",
  },
  {
    name: "Deno Deploy",
    url: "oidc.deno.com",
    tenantClaims: { sub: /^deployment:[^/:*]+\//, org_id: exact, org_slug: exact, app_id: exact },
    subject: "deployment:ORGANIZATION/APP/production",
    source: "https://docs.deno.com/deploy/reference/oidc",
  },
];

/** Hosts of Microsoft Entra. The path of a tenant's issuer begins with the tenant's id. */
const entraHosts =
  /^(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net|sts\.chinacloudapi\.cn)$/;
const entraTenant = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(\/v2\.0)?$/;

/** The words of the lines. */
const wordsOf = (...lines: string[]) => new Set(lines.flatMap((line) => line.split(" ")));

/**
 * Claims that say nothing about who has the JWT: many JWTs of an issuer have the same value, like Entra's `ver`, or the
 * sender chooses it, like OpenID Connect's `nonce` and on most issuers `aud`.
 */
const impersonalClaims = wordsOf(
  "iss aud exp nbf iat jti nonce acr amr auth_time email_verified phone_number_verified",
  // Of Keycloak, Cognito, Auth0 and Supabase.
  "typ token_use gty aal is_anonymous",
  // Of Microsoft Entra and Azure AD B2C.
  "ver idtyp azpacr appidacr acrs tfp",
);

/** What users say about themselves: OpenID Connect's claims of the scopes profile, email, phone and address (Core §5.4). */
const profileClaims = wordsOf(
  "name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate",
  "zoneinfo locale updated_at email phone_number address",
);

const openidScope = /^(openid|profile|email|phone|address|offline_access)$/;

/** Built-in roles and groups of Supabase, Okta and Keycloak. */
const builtInRole = /^(authenticated|Everyone|offline_access|uma_authorization|default-roles-.+)$/;

/** Claim → words that every user of an issuer has or can request. */
const commonWords = new Map([
  ["scope", openidScope],
  ["scp", openidScope],
  ["role", builtInRole],
  ["roles", builtInRole],
  ["groups", builtInRole],
]);

/**
 * Subjects of which a beginning names nobody: of a cluster, of URLs, and of the products of the shared issuers, which can be
 * one's own, like a GitLab.
 */
const subjects = ["system:serviceaccount:", "https://", "http://", ...sharedIssuers.map(({ subject }) => subject)];

/** An ARN before its account. */
const arnBeginning = /^arn:([^:]*:){0,3}$/;

const namingClaim = "a claim that does, like sub, roles or groups";

/**
 * What makes an entry match the JWTs of strangers, as the rest of a sentence about the entry; `undefined` if nothing
 * does. Does not check whether the claims are those of the intended caller.
 *
 * @param issuer a valid URL
 * @param connectionsClaim the claim with which each JWT lists what it may use, if the entry has one
 */
export function openToStrangers(issuer: string, claims: RequiredClaims, connectionsClaim?: string): string | undefined {
  const url = normalised(issuer);
  const host = url.replace(/\/.*/, "");
  const path = url.slice(host.length + 1);
  const isEntra = entraHosts.test(host);
  if (isEntra && !entraTenant.test(path)) {
    return `oidc.issuer ${JSON.stringify(issuer)} is not the issuer of one tenant of Microsoft Entra. Write the iss of your JWTs, like https://login.microsoftonline.com/TENANT_ID/v2.0`;
  }
  const ofPersons = isEntra && path.startsWith(personalTenant);
  const shared = sharedIssuers.find((each) => (ofPersons ? each.url.includes(personalTenant) : each.url === url));
  const prefix = openPrefix(claims, shared);
  if (prefix) return prefix;
  if (shared) return openToTenants(claims, shared);
  if (connectionsClaim !== undefined && !isChosenByUsers(connectionsClaim)) return undefined;
  const reasons = Object.keys(claims).map((claim) => strangersHave(claim, claims, url));
  if (reasons.includes(undefined)) return undefined;
  const [claim] = Object.keys(claims);
  if (claim === undefined) {
    return "oidc.claims is empty, so every JWT of the issuer would match. Add a claim that names the caller, like sub, roles or groups";
  }
  const value = `oidc.claims${shownClaim(claim, claims)} ${JSON.stringify(claims[claim])}`;
  return `${value} does not name the caller: ${reasons[0]}`;
}

/** Why JWTs of strangers can have the value of a claim, and what to do; `undefined` if they cannot. */
function strangersHave(claim: string, claims: RequiredClaims, url: string): string | undefined {
  const value = String(claims[claim]);
  // Entra's id of the tenant, which is in the issuer too.
  const isOfIssuer = claim === "tid" && url.includes(value.toLowerCase());
  if (isOfIssuer || impersonalClaims.has(claim)) return `JWTs of strangers have it too. Add ${namingClaim}`;
  const verified = `${claim}_verified`;
  if (profileClaims.has(claim) && claims[verified] !== true) {
    const orVerified = impersonalClaims.has(verified) ? `"${verified}": true, or ` : "";
    return `users choose it. Add ${orVerified}${namingClaim}`;
  }
  if (value.split(" ").every((word) => word === "" || commonWords.get(claim)?.test(word))) {
    return `every user can have it. Add ${namingClaim}`;
  }
  const prefix = value.replace("*", "");
  const isBeginning = arnBeginning.test(prefix) || subjects.some((subject) => subject.startsWith(prefix));
  if (prefix === value || !isBeginning) return undefined;
  return `many JWTs of the issuer begin so. Write more of the value, or add ${namingClaim}`;
}

/**
 * What makes a `connectionsClaim` one that strangers can set, as the rest of a sentence about the entry; `undefined` if
 * nothing does.
 *
 * @param isLimited whether the entry has `connections`, which limit what the claim may name
 */
export function openConnectionsClaim(claim: string, isLimited: boolean): string | undefined {
  if (impersonalClaims.has(claim)) {
    return `oidc.connectionsClaim cannot be ${claim}: it says nothing about the JWT's user, and its sender may choose it. Name a claim that the issuer sets for each user`;
  }
  if (isLimited) return undefined;
  const isScope = claim === "scope" || claim === "scp";
  if (!isScope && !isChosenByUsers(claim)) return undefined;
  return `oidc.connectionsClaim can be ${claim} only with connections: without them, users who ${isScope ? "request" : "choose"} the id of a connection as ${claim} would get it. Add connections, or name a claim that only administrators set`;
}

/** Whether users write the claim themselves, some only when they register. */
function isChosenByUsers(claim: string): boolean {
  return profileClaims.has(claim) || claim === "username" || claim === "cognito:username";
}

/** Addresses and the like, whose domain is at the end: strangers choose what follows any prefix. */
const addressClaims = wordsOf("email upn preferred_username unique_name");

/** Claims with the path of a file, `@` and the ref. GitHub's subject can have one of them. */
const refClaims = wordsOf("job_workflow_ref workflow_ref ci_config_ref_uri");

/** Finds a prefix that ends within a name, or before any. */
function openPrefix(claims: RequiredClaims, shared: SharedIssuer | undefined): string | undefined {
  for (const [claim, value] of Object.entries(claims)) {
    if (typeof value !== "string" || !value.endsWith("*")) continue;
    const prefix = value.slice(0, -1);
    const what = `oidc.claims${shownClaim(claim, claims)} ${JSON.stringify(value)}`;
    if (/^[:/@]*$/.test(prefix)) return `${what} has no name in its prefix. Add one, or write the full value`;
    const hasRef = refClaims.has(claim) || (claim === "sub" && shared?.name === "GitHub Actions");
    const isAddress = addressClaims.has(claim);
    if (!isAddress && (hasRef ? /[:/@]$/ : /[:/]$/).test(prefix)) continue;
    const also = `${what} also matches ${prefix}${prefix.endsWith("@") ? "evil.example" : "-evil"}`;
    if (isAddress) return `${also}. Write the full value`;
    const written = shared && narrowedToTenant(shared, claim, prefix);
    const end = hasRef ? '":", "/" or "@"' : '":" or "/"';
    return `${also}. ${written ? `Write ${JSON.stringify(written)}` : `End the prefix with ${end}`}, or write the full value`;
  }
  return undefined;
}

/** What to write instead of a prefix that names no tenant; `undefined` if it names one and ends within another name. */
function narrowedToTenant(shared: SharedIssuer, claim: string, prefix: string): string | undefined {
  if (namesTenant(shared, claim, `${prefix}*`)) return undefined;
  const closed = [`${prefix}:*`, `${prefix}/*`].find((each) => namesTenant(shared, claim, each));
  return closed ?? (claim === "sub" ? shared.subject : undefined);
}

/** The claim, unless somebody may have pasted a key there: then its position. */
function shownClaim(claim: string, claims: RequiredClaims): string {
  return /^[A-Za-z_]{1,24}$/.test(claim) ? `.${claim}` : `: ${unknownName(claim, Object.keys(claims))}`;
}

function openToTenants(claims: RequiredClaims, shared: SharedIssuer): string | undefined {
  const isVerified = claims["email_verified"] === true;
  const given = Object.entries(claims).filter(([claim]) => Object.hasOwn(shared.tenantClaims, claim));
  if (given.some(([claim, value]) => namesTenant(shared, claim, value) && (claim !== "email" || isVerified))) {
    return undefined;
  }
  const [broad] = given;
  const what = broad ? `.${broad[0]} ${JSON.stringify(broad[1])}` : "";
  const remedies = Object.keys(shared.tenantClaims).map((claim) => {
    if (claim === "sub") return `"sub": ${JSON.stringify(shared.subject)}`;
    return claim === "email" ? 'email with "email_verified": true' : claim;
  });
  return `oidc.claims${what} does not name one tenant of ${shared.name}, which issues JWTs to everyone. Require ${remedies.join(" or ")}`;
}

function namesTenant({ tenantClaims }: SharedIssuer, claim: string, value: string | boolean): boolean {
  // A claim may have the name of a member that every object inherits.
  const format = Object.hasOwn(tenantClaims, claim) ? tenantClaims[claim] : undefined;
  return typeof value === "string" && format !== undefined && format.test(value);
}

/** Host and path of a URL without what does not distinguish issuers: upper case, port, final dots and slashes. */
function normalised(issuer: string): string {
  const { hostname, pathname } = new URL(issuer);
  const path = pathname.split("/").filter((part) => part !== "");
  return [hostname.replace(/\.+$/, ""), ...path].join("/").toLowerCase();
}
