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
    url: "login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
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
];

/** Hosts of Microsoft Entra. The path of a tenant's issuer begins with the tenant's id. */
const entraHosts =
  /^(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net|sts\.chinacloudapi\.cn)$/;
const entraTenant = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(\/v2\.0)?$/;

/**
 * Claims that say nothing about who has the JWT: all JWTs of an issuer have the same value, like Cognito's `token_use`, or
 * the sender chooses it, like OpenID Connect's `nonce` and on most issuers `aud`.
 */
export const impersonalClaims = ["iss", "aud", "exp", "nbf", "iat", "jti", "nonce", "token_use"];

/**
 * What makes an entry match the JWTs of strangers, as the rest of a sentence about the entry; `undefined` if nothing
 * does. Does not check whether the claims are those of the intended caller.
 *
 * @param issuer a valid URL
 * @param namesConnections whether the entry has a `connectionsClaim`, so that each JWT lists what it may use
 */
export function openToStrangers(issuer: string, claims: RequiredClaims, namesConnections: boolean): string | undefined {
  const url = normalised(issuer);
  const host = url.replace(/\/.*/, "");
  if (entraHosts.test(host) && !entraTenant.test(url.slice(host.length + 1))) {
    return `oidc.issuer ${JSON.stringify(issuer)} is not the issuer of one tenant of Microsoft Entra. Write the iss of your JWTs, like https://login.microsoftonline.com/TENANT_ID/v2.0`;
  }
  const shared = sharedIssuers.find((each) => each.url === url);
  const prefix = openPrefix(claims, shared);
  if (prefix) return prefix;
  if (shared) return openToTenants(claims, shared);
  // On Entra, the id of the tenant is the one in the issuer.
  const impersonal = entraHosts.test(host) ? [...impersonalClaims, "tid"] : impersonalClaims;
  if (namesConnections || Object.keys(claims).some((claim) => !impersonal.includes(claim))) return undefined;
  return `oidc.claims needs a claim other than ${impersonal.join(", ")}: without it, every JWT of the issuer would match`;
}

/** Finds a prefix that ends within a name, or before any. */
function openPrefix(claims: RequiredClaims, shared: SharedIssuer | undefined): string | undefined {
  for (const [claim, value] of Object.entries(claims)) {
    if (typeof value !== "string" || !value.endsWith("*")) continue;
    const prefix = value.slice(0, -1);
    const what = `oidc.claims${shownClaim(claim, claims)} ${JSON.stringify(value)}`;
    if (/^[:/@]*$/.test(prefix)) return `${what} has no name in its prefix. Add one, or write the full value`;
    if (/[:/@]$/.test(prefix)) continue;
    const written = shared && narrowedToTenant(shared, claim, prefix);
    const remedy = written ? `Write ${JSON.stringify(written)}` : 'End the prefix with ":", "/" or "@"';
    return `${what} also matches ${prefix}-evil. ${remedy}, or write the full value`;
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
