import { describe, expect, test } from "vitest";
import { asListed, parseCallers } from "../../functions/auth-core/rules/callers.ts";

const deployed = { allowLoopbackHttp: false };
const local = { allowLoopbackHttp: true };

const hash = "0".repeat(64);
const otherHash = "1".repeat(64);
const oidc = { issuer: "https://issuer.test", audience: "fake-audience", claims: { sub: "repo:acme/shop:*" } };
const { claims: _, ...withoutClaims } = oidc;

const byKey = { name: "old-php", connections: ["webapicorso"], keySha256: [hash] };
const byToken = { name: "deploy-ci", connections: ["webapicorso"], oidc };
const byUser = {
  name: "portal",
  oidc: { ...withoutClaims, connectionsClaim: "smart_services" },
  origins: ["https://portal.test"],
};
const byRole = { name: "orders", connections: ["webapicorso"], principal: "arn:aws:iam::123456789012:role/orders" };

const refusal = (list: unknown, options = deployed): string => {
  try {
    parseCallers(list, options);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

describe("a list", () => {
  test("of one caller of each kind is read", () => {
    expect(parseCallers([byKey, byToken, byUser, byRole], deployed)).toEqual([
      { kind: "key", name: "old-php", origins: [], connections: ["webapicorso"], keySha256: [hash] },
      { kind: "oidc", name: "deploy-ci", origins: [], connections: ["webapicorso"], ...oidc },
      {
        kind: "oidc",
        name: "portal",
        origins: ["https://portal.test"],
        ...withoutClaims,
        claims: {},
        connectionsClaim: "smart_services",
      },
      {
        kind: "principal",
        name: "orders",
        origins: [],
        connections: ["webapicorso"],
        principal: "arn:aws:iam::123456789012:role/orders",
      },
    ]);
  });

  test("may be empty: then nobody is trusted", () => {
    expect(parseCallers([], deployed)).toEqual([]);
  });

  test("is the same after its way to the function", () => {
    const bounded = { ...byUser, name: "bounded", connections: ["a", "b"] };
    const list = parseCallers([{ ...byKey, keySha256: [hash, otherHash] }, byToken, byUser, byRole, bounded], deployed);

    const travelled: unknown = JSON.parse(JSON.stringify(list.map(asListed)));

    expect(parseCallers(travelled, deployed)).toEqual(list);
  });

  test.each([
    ["an object", {}],
    ["nothing", undefined],
    ["a text", "callers.json"],
  ])("that is %s is refused", (__, list) => {
    expect(refusal(list)).toBe("callers must be a list.");
  });
});

describe("an entry may", () => {
  test.each<[string, object]>([
    ["have two hashes, while one key replaces the other", { ...byKey, keySha256: [hash, otherHash] }],
    ["name an account by its digits", { ...byRole, principal: "123456789012" }],
    ["name an account by its ARN", { ...byRole, principal: "arn:aws:iam::123456789012:root" }],
    [
      "name a role with a path, in another partition",
      { ...byRole, principal: "arn:aws-cn:iam::123456789012:role/a/b" },
    ],
    ["bound what its users' claims may name", { ...byUser, connections: ["webapicorso"] }],
    ["have an issuer with a path", { ...byToken, oidc: { ...oidc, issuer: "https://issuer.test/tenant/" } }],
  ])("%s", (__, entry) => {
    expect(refusal([entry])).toBe("accepted");
  });

  test.each(["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])(
    "have the issuer and the origin %s in the local run, and there only",
    (url) => {
      const issued = { ...byToken, oidc: { ...oidc, issuer: url } };
      const shown = { ...byUser, origins: [url] };

      expect([refusal([issued, shown], local)]).toEqual(["accepted"]);
      expect(refusal([issued])).toContain("deploy-ci: oidc.issuer");
      expect(refusal([shown])).toContain("portal: origins");
    },
  );

  test("not have an issuer of http on another machine, in the local run neither", () => {
    const issued = { ...byToken, oidc: { ...oidc, issuer: "http://issuer.test" } };

    expect(refusal([issued], local)).toBe("callers: deploy-ci: oidc.issuer must be an https URL.");
  });
});

const id = "1 to 63 characters of a-z, 0-9 and '-', not starting with '-'";
const oidcWith = (fields: object) => ({ ...byToken, oidc: { ...oidc, ...fields } });

/** Each wrong entry, and how the error starts: with its name (or place), then the field. */
const wrong: [what: string, entry: unknown, error: string][] = [
  ["null", null, "entry 1: must be an object"],
  ["a text", "old-php", "entry 1: must be an object"],
  ["a list", [], "entry 1: name is missing"],
  ["without a name", { connections: ["a"], keySha256: [hash] }, "entry 1: name is missing"],
  ["with an empty name", { ...byKey, name: "" }, "entry 1: name is empty"],
  ["with a number for a name", { ...byKey, name: 7 }, "entry 1: name must be a string"],
  ["with a name in upper case", { ...byKey, name: "Old-PHP" }, `Old-PHP: name must be ${id}`],
  ["with an unknown field", { ...byKey, conections: [] }, "old-php: has an unknown field conections"],
  ["with connections that are a text", { ...byKey, connections: "a" }, "old-php: connections must be a list"],
  ["with connections that are numbers", { ...byKey, connections: [1] }, "old-php: connections must be a list"],
  ["with no connection", { ...byKey, connections: [] }, "old-php: connections is empty"],
  ["with a malformed id", { ...byKey, connections: ["a_b"] }, `old-php: connections: every id must be ${id}`],
  ["with a wildcard for an id", { ...byKey, connections: ["*"] }, `old-php: connections: every id must be ${id}`],
  ["with an id twice", { ...byKey, connections: ["a", "a"] }, "old-php: connections has a duplicate id"],
  ["with a key and without connections", { name: "old-php", keySha256: [hash] }, "old-php: needs connections"],
  ["with a role and without connections", { name: "orders", principal: byRole.principal }, "orders: needs connections"],
  [
    "of no kind",
    { name: "old-php", connections: ["a"] },
    "old-php: needs exactly one of principal, keySha256 and oidc",
  ],
  ["of two kinds", { ...byKey, oidc }, "old-php: needs exactly one of principal, keySha256 and oidc"],
  ["with a hash that is no list", { ...byKey, keySha256: hash }, "old-php: keySha256 must be a list"],
  ["with no hash", { ...byKey, keySha256: [] }, "old-php: keySha256 is empty"],
  ["with three hashes", { ...byKey, keySha256: [hash, hash, hash] }, "old-php: keySha256 has more than two hashes"],
  [
    "with a key for a hash",
    { ...byKey, keySha256: [`stb_${"a".repeat(43)}`] },
    "old-php: keySha256: every hash must be",
  ],
  ["with a hash in upper case", { ...byKey, keySha256: ["A".repeat(64)] }, "old-php: keySha256: every hash must be"],
  [
    "with a hash that is too short",
    { ...byKey, keySha256: ["a".repeat(63)] },
    "old-php: keySha256: every hash must be",
  ],
  ["with origins for a key", { ...byKey, origins: ["https://portal.test"] }, "old-php: origins is for oidc only"],
  [
    "with a user for a principal",
    { ...byRole, principal: "arn:aws:iam::123456789012:user/a" },
    "orders: principal must",
  ],
  [
    "with a wildcard for a role",
    { ...byRole, principal: "arn:aws:iam::123456789012:role/*" },
    "orders: principal must",
  ],
  ["with everyone for a principal", { ...byRole, principal: "*" }, "orders: principal must"],
  ["with oidc that is a text", { ...byToken, oidc: "https://issuer.test" }, "deploy-ci: oidc must be an object"],
  ["with an unknown field in oidc", oidcWith({ isuer: "x" }), "deploy-ci: oidc has an unknown field isuer"],
  ["without an issuer", { ...byToken, oidc: { audience: "a" } }, "deploy-ci: oidc.issuer is missing"],
  ["with an issuer of http", oidcWith({ issuer: "http://issuer.test" }), "deploy-ci: oidc.issuer must be an https URL"],
  ["with an issuer that is no URL", oidcWith({ issuer: "issuer.test" }), "deploy-ci: oidc.issuer must be an https URL"],
  [
    "with a query in its issuer",
    oidcWith({ issuer: "https://issuer.test?a" }),
    "deploy-ci: oidc.issuer must be an https",
  ],
  [
    "with a password in its issuer",
    oidcWith({ issuer: "https://a:b@issuer.test" }),
    "deploy-ci: oidc.issuer must be an",
  ],
  ["without an audience", { ...byToken, oidc: { issuer: "a" } }, "deploy-ci: oidc.audience is missing"],
  ["with an empty audience", oidcWith({ audience: "" }), "deploy-ci: oidc.audience is empty"],
  ["with two audiences", oidcWith({ audience: ["a", "b"] }), "deploy-ci: oidc.audience must be a string"],
  ["with claims that are a text", oidcWith({ claims: "sub" }), "deploy-ci: oidc.claims must be an object of strings"],
  ["with a claim that is a list", oidcWith({ claims: { sub: ["a"] } }), "deploy-ci: oidc.claims: every value must be"],
  ["with an empty claim", oidcWith({ claims: { sub: "" } }), "deploy-ci: oidc.claims: every value is empty"],
  [
    "with a wildcard alone",
    oidcWith({ claims: { sub: "*" } }),
    'deploy-ci: oidc.claims: "*" alone would match everyone',
  ],
  ["with two wildcards alone", oidcWith({ claims: { sub: "**" } }), "deploy-ci: oidc.claims: * is allowed only at the"],
  ["with a wildcard inside", oidcWith({ claims: { sub: "repo:*:x" } }), "deploy-ci: oidc.claims: * is allowed only at"],
  ["with two wildcards alone", oidcWith({ claims: { sub: "**" } }), "deploy-ci: oidc.claims: * is allowed only at the"],
  ["with a wildcard inside", oidcWith({ claims: { sub: "repo:*:x" } }), "deploy-ci: oidc.claims: * is allowed only at"],
  [
    "with one claim and a wildcard alone",
    oidcWith({ claims: { a: "b", sub: "*" } }),
    'deploy-ci: oidc.claims: "*" alone',
  ],
  ["without any claim", oidcWith({ claims: {} }), "deploy-ci: oidc.claims is needed"],
  ["without claims at all", { ...byToken, oidc: withoutClaims }, "deploy-ci: oidc.claims is needed"],
  ["for JWTs that gives no connection", { name: "deploy-ci", oidc }, "deploy-ci: needs connections or oidc."],
  ["with an empty connectionsClaim", oidcWith({ connectionsClaim: "" }), "deploy-ci: oidc.connectionsClaim is empty"],
  ["with origins that are a text", { ...byUser, origins: "https://portal.test" }, "portal: origins must be a list"],
  ["with every origin", { ...byUser, origins: ["*"] }, 'portal: origins: "*" must be an https origin'],
  ["with an origin of http", { ...byUser, origins: ["http://portal.test"] }, "portal: origins:"],
  ["with an origin that has a path", { ...byUser, origins: ["https://portal.test/a"] }, "portal: origins:"],
  ["with an origin that ends in a slash", { ...byUser, origins: ["https://portal.test/"] }, "portal: origins:"],
  ["with a wildcard in its origin", { ...byUser, origins: ["https://*"] }, "portal: origins:"],
];

describe("an entry", () => {
  test.each(wrong)("%s is refused, by its name and the field", (__, entry, error) => {
    const message = refusal([entry]);

    expect(message.slice(0, `callers: ${error}`.length)).toBe(`callers: ${error}`);
    expect(message).toMatch(/^[^\n]+\.$/);
  });

  test("without a name is told by its place", () => {
    expect(refusal([byKey, byToken, {}])).toContain("callers: entry 3: name");
  });

  test("with a name of another's is refused", () => {
    expect(refusal([byKey, { ...byToken, name: "old-php" }])).toBe("callers: two entries have the name old-php.");
  });

  test("with a key of another's is refused, and both are named", () => {
    const message = refusal([byKey, { ...byKey, name: "new-php", keySha256: [otherHash, hash] }]);

    expect(message).toBe("callers: new-php: keySha256 has a hash that old-php uses too. Create a key for each.");
  });

  test("with the same hash twice is refused", () => {
    expect(refusal([{ ...byKey, keySha256: [hash, hash] }])).toContain("old-php: keySha256 has a hash");
  });
});
