import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";

interface KindTexts<Entry> {
  /** Who it is, in a few words. */
  who: (caller: Entry) => string;
  /** What a request must have, in the words of the list. */
  conditions: (caller: Entry) => string[];
  /** Why it has no caller key that can be revoked, and what to do instead. Absent: it has one. */
  noKey?: string;
}

type OfKind<Kind> = Extract<Caller, { kind: Kind }>;

/** What an operator reads about each kind of callers. */
export const kinds: { [Kind in Caller["kind"]]: KindTexts<OfKind<Kind>> } = {
  key: {
    who: ({ keySha256 }) => `${keySha256.length} key(s)`,
    conditions: ({ keySha256 }) => [`keySha256: ${keySha256.join(" ")}`],
  },
  principal: {
    who: ({ principal }) => principal,
    conditions: ({ principal }) => [`principal: ${principal}`],
    noKey: "it assumes a role. Deny the role in IAM, or remove its entry and deploy.",
  },
  oidc: {
    who: ({ issuer, audience }) => `${issuer} for ${audience}`,
    conditions({ issuer, audience, claims, connectionsClaim, maxLifetime }) {
      const required = Object.entries(claims).map(([claim, value]) => `claims.${claim}: ${JSON.stringify(value)}`);
      return [
        ...(connectionsClaim === undefined ? [] : [`connectionsClaim: ${connectionsClaim}`]),
        `issuer: ${issuer}`,
        `audience: ${audience}`,
        ...(required.length > 0 ? required : ["claims: none"]),
        `maxLifetime: ${maxLifetime} s`,
      ];
    },
    noKey: "it sends JWTs. Disable it at its issuer, or remove its entry and deploy.",
  },
};

/** The texts of an entry's kind. */
export const textsOf = (caller: Caller) => kinds[caller.kind] as KindTexts<Caller>;
