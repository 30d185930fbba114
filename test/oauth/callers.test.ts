import { describe, expect, test } from "vitest";
import { callersFile, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { describeCallers } from "../../functions/auth-core/rules/callers/deployed-callers.ts";

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

describe("parseCallers", () => {
  test("reads a list with one caller of each kind", () => {
    expect(parseCallers([byKey, byToken, byUser, byRole], deployed)).toEqual([
      { kind: "key", name: "old-php", origins: [], connections: ["webapicorso"], keySha256: [hash] },
      { kind: "oidc", name: "deploy-ci", origins: [], connections: ["webapicorso"], ...oidc, maxLifetime: 86_400 },
      {
        kind: "oidc",
        name: "portal",
        origins: ["https://portal.test"],
        ...withoutClaims,
        claims: {},
        connectionsClaim: "smart_services",
        maxLifetime: 86_400,
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

  test("is the same after it was in the bundle's file", () => {
    const bounded = { ...byUser, name: "bounded", connections: ["a", "b"], oidc: { ...byUser.oidc, maxLifetime: 60 } };
    const list = parseCallers([{ ...byKey, keySha256: [hash, otherHash] }, byToken, byUser, byRole, bounded], deployed);

    expect(JSON.parse(callersFile(list, "tokens")["callers.json"])).toStrictEqual(list);
  });

  test.each([["an object with the list and its JSON Schema", { $schema: "./callers.schema.json", callers: [byKey] }]])(
    "reads %s",
    (__, list) => {
      expect(parseCallers(list, deployed)).toEqual([expect.objectContaining({ name: "old-php" })]);
    },
  );

  test("rejects an object with an unknown field, and names it unless it may be a key", () => {
    expect(refusal({ $schema: "a", callers: [byKey], caller: [] })).toBe(
      'callers: the object with the list has an unknown field "caller". Use one of: $schema, callers.',
    );
    expect(refusal({ callers: [byKey], [fakeKey]: "" })).toBe(
      "callers: the object with the list has an unknown field 2 (a name of 47 characters). Use one of: $schema, callers.",
    );
  });

  test.each([
    ["an object", {}],
    ["null", null],
    ["a string", "callers.json"],
  ])("rejects %s as the list", (__, list) => {
    expect(refusal(list)).toBe("callers must be a list.");
  });
});

describe("parseCallers accepts an entry", () => {
  test.each<[string, object]>([
    ["with the digits of an account", { ...byRole, principal: "123456789012" }],
    [
      "with a role that has a path, in another partition",
      { ...byRole, principal: "arn:aws-cn:iam::123456789012:role/a/b" },
    ],
    ["that limits what its users' claims may name", { ...byUser, connections: ["webapicorso"] }],
    [
      "with connections, that a scope selects",
      { ...byUser, connections: ["webapicorso"], oidc: { ...withoutClaims, connectionsClaim: "scope" } },
    ],
    ["with booleans as claims", { ...byToken, oidc: { ...oidc, claims: { sub: "a", email_verified: true } } }],
    ["whose JWTs live for a second at most", { ...byToken, oidc: { ...oidc, maxLifetime: 1 } }],
    ["whose JWTs live for 7 days at most", { ...byToken, oidc: { ...oidc, maxLifetime: 604_800 } }],
  ])("%s", (__, entry) => {
    expect(refusal([entry])).toBe("accepted");
  });

  test.each(["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])(
    "with the issuer or the origin %s only in the local run",
    (url) => {
      const issued = { ...byToken, oidc: { ...oidc, issuer: url } };
      const shown = { ...byUser, origins: [url] };

      expect([refusal([issued, shown], local)]).toEqual(["accepted"]);
      expect(refusal([issued])).toContain("deploy-ci: oidc.issuer");
      expect(refusal([shown])).toContain("portal: origins");
    },
  );

  test.each(["https://localhost", "https://10.0.0.1", "https://[::ffff:10.0.0.1]"])(
    "with the issuer %s only in the local run",
    (issuer) => {
      const issued = { ...byToken, oidc: { ...oidc, issuer } };

      expect(refusal([issued], local)).toBe("accepted");
      expect(refusal([issued])).toBe(
        "callers: deploy-ci: oidc.issuer must not be localhost or a private address, except in the local run.",
      );
    },
  );

  test("with an http issuer on another machine not even in the local run", () => {
    const issued = { ...byToken, oidc: { ...oidc, issuer: "http://issuer.test" } };

    expect(refusal([issued], local)).toBe("callers: deploy-ci: oidc.issuer must be an https URL.");
  });
});

const fakeKey = `stb_${"a".repeat(43)}`;
const long = "a".repeat(2049);
const id = "1 to 63 characters of a-z, 0-9 and '-', not starting with '-'";
/** Wrong fields of a valid entry, and how the error continues after the entry's name. */
const wrongFields: [entry: { name: string }, wrong: [what: string, fields: object, error: string][]][] = [
  [
    byKey,
    [
      [
        "an unknown field",
        { conections: [] },
        'has an unknown field "conections". Use one of: name, connections, principal, keySha256, oidc, origins',
      ],
      ["a key as an unknown field", { [fakeKey]: 1 }, "has an unknown field 4 (a name of 47 characters)"],
      ["a string as connections", { connections: "a" }, "connections must be a list"],
      ["empty connections", { connections: [] }, "connections is empty"],
      ["a malformed id", { connections: ["a_b"] }, `connections: every id must be ${id}`],
      ["a duplicate id", { connections: ["a", "a"] }, "connections has a duplicate id"],
      ["no connections", { connections: undefined }, "needs connections"],
      ["no kind", { keySha256: undefined }, "needs exactly one of principal, keySha256 and oidc"],
      ["two kinds", { oidc }, "needs exactly one of principal, keySha256 and oidc"],
      ["a hash that is not in a list", { keySha256: hash }, "keySha256 must be a list"],
      ["three hashes", { keySha256: [hash, hash, hash] }, "keySha256 has more than two hashes"],
      ["a key instead of a hash", { keySha256: [`stb_${"a".repeat(43)}`] }, "keySha256: every hash must be"],
      ["a short hash", { keySha256: ["a".repeat(63)] }, "keySha256: every hash must be"],
      ["a long hash", { keySha256: ["a".repeat(65)] }, "keySha256: every hash must be"],
      ["origins", { origins: ["https://portal.test"] }, "origins is for oidc only"],
    ],
  ],
  [
    byRole,
    [
      ["no connections", { connections: undefined }, "needs connections"],
      ["an empty principal", { principal: "" }, "principal is empty"],
      ["text before an account", { principal: "a123456789012" }, "principal must"],
      ["text behind an account", { principal: "123456789012a" }, "principal must"],
      ["a wildcard as role", { principal: "arn:aws:iam::123456789012:role/*" }, "principal must"],
    ],
  ],
  [
    byToken,
    [
      ["a string as oidc", { oidc: "https://issuer.test" }, "oidc must be an object"],
      ["no issuer", { oidc: { audience: "a" } }, "oidc.issuer is missing"],
      ["no connections", { connections: undefined }, "needs connections or oidc."],
    ],
  ],
  [
    byUser,
    [
      [
        "a scope that lists its connections",
        { oidc: { ...withoutClaims, connectionsClaim: "scope" } },
        "oidc.connectionsClaim can be scope only with connections",
      ],
      ["a string as origins", { origins: "https://portal.test" }, "origins must be a list"],
      ["every origin", { origins: ["*"] }, 'origins: "*" must be an https origin'],
      ["an origin with a path", { origins: ["https://portal.test/a"] }, "origins:"],
      ["a wildcard in its origin", { origins: ["https://*"] }, "origins:"],
    ],
  ],
];

/** The same for the fields of `oidc`. */
const wrongOidc: [what: string, fields: object, error: string][] = [
  [
    "an unknown field",
    { isuer: "x" },
    'oidc has an unknown field "isuer". Use one of: issuer, audience, claims, connectionsClaim, maxLifetime',
  ],
  ["a key as an unknown field", { [fakeKey]: 1 }, "oidc has an unknown field 4 (a name of 47 characters)"],
  ["a long issuer", { issuer: `https://${long}` }, "oidc.issuer is longer than 2,048 characters"],
  ["a long name of a claim", { claims: { [long]: "a" } }, "oidc.claims: a name is longer than 2,048 characters"],
  ["an http issuer", { issuer: "http://issuer.test" }, "oidc.issuer must be an https URL"],
  ["a query in its issuer", { issuer: "https://issuer.test?a" }, "oidc.issuer must be an https URL"],
  ["a user name in its issuer", { issuer: "https://a@issuer.test" }, "oidc.issuer must be an https URL"],
  ["an empty audience", { audience: "" }, "oidc.audience is empty"],
  ["a string as claims", { claims: "sub" }, "oidc.claims must be an object of strings and booleans"],
  ["a list as claim", { claims: { sub: ["a"] } }, "oidc.claims: every value must be a string, true or false"],
  ["a wildcard alone", { claims: { sub: "*" } }, 'oidc.claims: "*" alone matches everyone. Write'],
  ["a wildcard inside", { claims: { sub: "repo:*:x" } }, "oidc.claims: * is allowed only at the end"],
  ["localhost as issuer", { issuer: "https://localhost" }, "oidc.issuer must not be localhost or a private address"],
  [
    "its audience as connectionsClaim",
    { connectionsClaim: "aud" },
    "oidc.connectionsClaim cannot be aud: it says nothing",
  ],
  ["an empty connectionsClaim", { connectionsClaim: "" }, "oidc.connectionsClaim is empty"],
  ["a fraction as maxLifetime", { maxLifetime: 1.5 }, "oidc.maxLifetime must be a whole number of seconds"],
  ["no lifetime as maxLifetime", { maxLifetime: 0 }, "oidc.maxLifetime must be at least 1 second"],
  ["8 days as maxLifetime", { maxLifetime: 691_200 }, "oidc.maxLifetime must be at most 604800 seconds (7 days)"],
];

const wrong: [what: string, entry: unknown, error: string][] = [
  ["a string", "old-php", "entry 1: must be an object"],
  ["a list", [], "entry 1: name is missing"],
  ["one without a name", { connections: ["a"], keySha256: [hash] }, "entry 1: name is missing"],
  ["one with a number as name", { ...byKey, name: 7 }, "entry 1: name must be a string"],
  ["one with a key as name", { ...byKey, name: fakeKey }, `entry 1: name must be ${id}`],
  ...wrongFields.flatMap(([entry, each]) =>
    each.map(([what, fields, error]): (typeof wrong)[number] => [
      `${entry.name} with ${what}`,
      // As JSON has it: a field that is undefined is absent.
      JSON.parse(JSON.stringify({ ...entry, ...fields })),
      `${entry.name}: ${error}`,
    ]),
  ),
  ...wrongOidc.map(([what, fields, error]): (typeof wrong)[number] => [
    `deploy-ci with oidc with ${what}`,
    { ...byToken, oidc: { ...oidc, ...fields } },
    `deploy-ci: ${error}`,
  ]),
];

describe("parseCallers rejects an entry", () => {
  test("that strangers' JWTs would match, naming it, who would match and what to write instead", () => {
    const issuer = "https://token.actions.githubusercontent.com";

    expect(refusal([{ ...byToken, oidc: { ...oidc, issuer, claims: { sub: "repo:acme/shop*" } } }])).toBe(
      'callers: deploy-ci: oidc.claims.sub "repo:acme/shop*" also matches repo:acme/shop-evil. Write "repo:acme/shop:*", or write the full value.',
    );
    expect(refusal([{ ...byUser, oidc: { ...byUser.oidc, issuer } }])).toContain(
      "callers: portal: oidc.claims does not name one tenant of GitHub Actions",
    );
  });

  test.each(wrong)("%s, naming it and the field", (__, entry, error) => {
    const message = refusal([entry]);

    expect(message.slice(0, `callers: ${error}`.length)).toBe(`callers: ${error}`);
    expect(message).toMatch(/^[^\n]+\.$/);
    expect(message).not.toContain(fakeKey);
  });

  test.each(["__proto__", "constructor", "prototype"])("with the claim %s, which the schema would drop", (claim) => {
    const claims = JSON.parse(`{"sub": "fake-subject", "${claim}": "a"}`) as object;

    expect(refusal([{ ...byToken, oidc: { ...oidc, claims } }])).toBe(
      `callers: deploy-ci: oidc.claims cannot have the claim ${claim}.`,
    );
  });

  test("with the name of another entry", () => {
    expect(refusal([byKey, { ...byToken, name: "old-php" }])).toBe("callers: two entries have the name old-php.");
  });

  test("with the key of another entry, naming both", () => {
    const message = refusal([byKey, { ...byKey, name: "new-php", keySha256: [otherHash, hash] }]);

    expect(message).toBe("callers: new-php: keySha256 has a hash that old-php uses too. Create a key for each.");
  });

  test("with a duplicate hash, not naming another entry", () => {
    expect(refusal([{ ...byKey, keySha256: [hash, hash] }])).toBe("callers: old-php: keySha256 has a duplicate hash.");
  });
});

describe("An entry with calls", () => {
  const rule = { methods: ["GET"], path: "/api/v1/{scope}/CO/**" };
  const withCalls = (calls: unknown) => ({ ...byKey, calls });

  test("is in the file of the function calls, and in no other", () => {
    const list = parseCallers([withCalls([rule]), byToken, byRole], deployed);
    const namesIn = (served: "tokens" | "calls") =>
      (JSON.parse(callersFile(list, served)["callers.json"]) as { name: string }[]).map(({ name }) => name);

    expect([namesIn("calls"), namesIn("tokens")]).toEqual([["old-php"], ["deploy-ci", "orders"]]);
  });

  const notAPath = (path: string, why: string): [unknown, string] => [
    [{ ...rule, path }],
    `old-php: calls: the path ${JSON.stringify(path)} ${why}`,
  ];
  test.each<[unknown, string]>([
    ["GET /x", "calls must be a list of rules"],
    [[], "calls is empty"],
    [Array.from({ length: 101 }, (__, index) => ({ ...rule, path: `/a/${index}` })), "calls has more than 100 rules"],
    [[rule, { ...rule }], "calls has two equal rules"],
    [[{ ...rule, method: "GET" }], 'calls has an unknown field "method"'],
    [[{ path: "/a" }], "calls.methods is missing"],
    [[{ ...rule, path: 7 }], "calls.path must be a string"],
    [[rule, { ...rule, methods: ["POST", "GET"] }, { ...rule, methods: ["GET", "POST"] }], "calls has two equal rules"],
    [[{ ...rule, methods: [] }], "calls.methods is empty"],
    [[{ ...rule, methods: ["OPTIONS"] }], "calls.methods: use some of GET, HEAD, POST"],
    [[{ ...rule, methods: ["GET", "GET"] }], "calls.methods has a duplicate"],
    notAPath("api/x", "must begin with /"),
    notAPath("/*/x", "must begin with a literal segment"),
    notAPath("/**", "must begin with a literal segment"),
    notAPath("/{scope}/x", "must begin with a literal segment"),
    notAPath("/a/**/b", "has ** before its end"),
    notAPath("/a/b*", "has a segment that is partly variable"),
    notAPath("/a/{id}", "has a segment that is partly variable"),
    notAPath("/a//b", "has an empty segment or a slash at its end"),
    notAPath("/a/../b", "has a segment of dots or spaces"),
    notAPath("/a/%41", "has a segment with a character that is not allowed"),
    notAPath("/api/v1/AUTH/token", "matches a token endpoint"),
    notAPath("/oauth/*", "matches a token endpoint"),
    notAPath("/api/**", "matches a token endpoint"),
  ])("is refused if it is %j, with the field and the rule", (calls, error) => {
    expect(refusal([withCalls(calls)])).toContain(error);
  });

  test("may have the same path twice, with other methods, and the same methods for another path", () => {
    const rules = [rule, { ...rule, methods: ["POST"] }, { ...rule, path: "/other" }];

    expect(refusal([withCalls(rules)])).toBe("accepted");
  });

  test("is described for the template with what stopping it needs", () => {
    const list = parseCallers([withCalls([rule]), { ...byUser, calls: [rule] }, byRole], deployed);

    expect(describeCallers(list)).toEqual({
      "old-php": { kind: "key", keySha256: [hash], calls: true, connections: ["webapicorso"] },
      portal: { kind: "oidc", calls: true, connections: "any", issuer: "https://issuer.test" },
      orders: { kind: "principal" },
    });
  });

  test("is not for principal", () => {
    expect(refusal([{ ...byRole, calls: [rule] }])).toContain("orders: calls is not for principal");
  });

  const tokens = { ...byToken, name: "ci" };
  const required = (claims: object, more = {}) => ({ ...byToken, ...more, oidc: { ...oidc, claims } });
  test.each<[string, object, object, boolean]>([
    ["the same claims", byToken, tokens, true],
    ["different audiences: a JWT may have both", byToken, { ...tokens, oidc: { ...oidc, audience: "other" } }, true],
    [
      "different groups: a JWT may have both",
      required({ groups: "a" }),
      { ...tokens, ...required({ groups: "b" }, { name: "ci" }) },
      true,
    ],
    ["a subject and its beginning", required({ sub: "repo:acme/shop:a" }), tokens, true],
    ["a beginning and its own beginning", required({ sub: "repo:acme/*" }), tokens, true],
    ["another issuer", { ...byToken, oidc: { ...oidc, issuer: "https://other.test" } }, tokens, false],
    ["another subject", required({ sub: "repo:acme/other:*" }), tokens, false],
    [
      "different booleans",
      required({ sub: "repo:acme/shop:*", beta: true }),
      required({ ...oidc.claims, beta: false }, { name: "ci" }),
      false,
    ],
    [
      "a boolean and a text",
      required({ sub: "repo:acme/shop:*", beta: true }),
      required({ ...oidc.claims, beta: "true" }, { name: "ci" }),
      false,
    ],
  ])("and one without, with %s: one JWT could match both", (__, one, other, isRefused) => {
    const result = refusal([{ ...one, calls: [rule] }, other]);

    expect(result).toBe(
      isRefused
        ? "callers: deploy-ci: a JWT could match it and ci, and get both calls and a token. Give both calls, or require in oidc.claims another sub in each."
        : "accepted",
    );
  });
});
