import * as v from "valibot";
import type { ConnectionId } from "../connection-id.ts";
import { brokenUrlRule, isOrigin } from "../https-url.ts";
import { isPrivateHost } from "./private-host.ts";
import { type CallerKind, type CommonFields, objectOf, text } from "./caller-kind.ts";
import { openConnectionsClaim, openToStrangers, type RequiredClaims } from "./issuer-trust.ts";

/** Authenticates with a JWT: a pipeline, a workload or a signed-in user. */
export interface OidcCaller extends CommonFields {
  kind: "oidc";
  /** The connections that it may use. If absent, the `connectionsClaim` of each JWT lists them. */
  connections?: ConnectionId[];
  issuer: string;
  audience: string;
  /** All of them are required. */
  claims: RequiredClaims;
  /** The claim that lists the connections of the JWT's user. */
  connectionsClaim?: string;
  /** Seconds. A JWT that lives longer is rejected. */
  maxLifetime: number;
}

const claim = v.union(
  [
    v.pipe(
      text("oidc.claims: a value"),
      v.regex(/^[^*]*\*?$/, "oidc.claims: * is allowed only at the end"),
      v.notValue(
        "*",
        'oidc.claims: "*" alone matches everyone. Write the full value, or a prefix like "repo:acme/shop:*"',
      ),
    ),
    v.boolean(),
  ],
  "oidc.claims: every value must be a string, true or false",
);

const schema = objectOf(
  {
    issuer: v.pipe(text("oidc.issuer"), v.description("https URL, exactly as in the JWT's iss.")),
    audience: v.pipe(text("oidc.audience"), v.description("The JWT's aud, or one of its members.")),
    claims: v.optional(
      v.pipe(
        v.record(text("oidc.claims: a name"), claim, "oidc.claims must be an object of strings and booleans"),
        v.description("Claim → its value, or a prefix that ends in :* or /*. All are required."),
      ),
      {},
    ),
    connectionsClaim: v.optional(
      v.pipe(text("oidc.connectionsClaim"), v.description("Claim that lists the connections of this JWT's user.")),
    ),
    maxLifetime: v.optional(
      v.pipe(
        v.number("oidc.maxLifetime must be a number of seconds"),
        v.integer("oidc.maxLifetime must be a whole number of seconds"),
        v.minValue(1, "oidc.maxLifetime must be at least 1 second"),
        v.maxValue(7 * 24 * 3600, "oidc.maxLifetime must be at most 604800 seconds (7 days)"),
        v.description("Seconds. A JWT that lives longer is rejected."),
      ),
      24 * 3600,
    ),
  },
  "oidc",
);

export const oidcCallers: CallerKind<typeof schema, OidcCaller> = {
  schema,
  read({ connections, ...common }, { connectionsClaim, ...oidc }, options, written) {
    const { issuer, claims } = oidc;
    const wrongOrigin = common.origins.find((origin) => !isOrigin(origin, options));
    if (wrongOrigin !== undefined) {
      return `origins: ${JSON.stringify(wrongOrigin)} must be an https origin without a path, like https://portal.example.com`;
    }
    if (brokenUrlRule(issuer, options)) return "oidc.issuer must be an https URL";
    if (!options.allowLoopbackHttp && isPrivateHost(issuer)) {
      return "oidc.issuer must not be localhost or a private address, except in the local run";
    }
    if (!connections && connectionsClaim === undefined) return "needs connections or oidc.connectionsClaim";
    const openClaim =
      connectionsClaim === undefined ? undefined : openConnectionsClaim(connectionsClaim, connections !== undefined);
    if (openClaim !== undefined) return openClaim;
    // The schema drops the names that all objects inherit. Without them, the entry would match more JWTs.
    const listed = Object.keys((written as { claims?: object }).claims ?? {});
    const dropped = listed.find((name) => !Object.hasOwn(claims, name));
    if (dropped !== undefined) return `oidc.claims cannot have the claim ${dropped}`;
    return (
      openToStrangers(issuer, claims, connectionsClaim) ?? {
        kind: "oidc",
        ...common,
        ...oidc,
        ...(connections && { connections }),
        ...(connectionsClaim !== undefined && { connectionsClaim }),
      }
    );
  },
};
