import { personalTenant, type SharedIssuer, sharedIssuers } from "./shared-issuers.ts";
import { unknownName } from "../unknown-name.ts";

/** Claim → the value that a JWT must have: exactly, or as a prefix if it ends in `*`. */
export type RequiredClaims = Record<string, string | boolean>;

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

/** The issuer of one AWS account, in any partition. Its subjects are ARNs of that account: they differ in their names. */
const awsAccountIssuer = /^[^./]+\.tokens\.sts\./;
const arnWithoutName = /^arn:[^/]*\/?$/;

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
  // Some issuers write it as a text.
  if (profileClaims.has(claim) && String(claims[verified]) !== "true") {
    const orVerified = impersonalClaims.has(verified) ? `"${verified}": true, or ` : "";
    return `users choose it. Add ${orVerified}${namingClaim}`;
  }
  if (value.split(" ").every((word) => word === "" || commonWords.get(claim)?.test(word))) {
    return `every user can have it. Add ${namingClaim}`;
  }
  const prefix = value.replace("*", "");
  const arnOfMany = awsAccountIssuer.test(url) ? arnWithoutName : arnBeginning;
  const isBeginning = arnOfMany.test(prefix) || subjects.some((subject) => subject.startsWith(prefix));
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
