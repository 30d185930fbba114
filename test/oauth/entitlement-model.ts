import fc from "fast-check";
import { fakeCallerKey } from "./callers.ts";
import { fakeHandle } from "./key-tables.ts";
import { assertion, exchange, vendorForm } from "./requests.ts";
import { json, type Sent, urlencoded } from "./request-bodies.ts";

/** Few connections, so that requests collide; the id of one begins the id of another. */
export const universe = ["a", "ab", "abc", "b"];

/** The vendor's names. `ab` and `abc` have the same: one customer can have two environments. */
export const named: Record<string, { username: string; scope: string }> = {
  a: { username: "admin_a", scope: "scope_a" },
  ab: { username: "admin_ab", scope: "scope_ab" },
  abc: { username: "admin_ab", scope: "scope_ab" },
  b: { username: "admin_a", scope: "scope_b" },
};

const issuers = ["https://one.test", "https://two.test"];
const audiences = ["x", "xy"];
const subjects = ["s", "s:t", "s:t:u"];
const origins = ["https://p.test", "https://q.test"];

export interface Entry {
  name: string;
  connections?: string[];
  keySha256?: string[];
  oidc?: { issuer: string; audience: string; claims: Record<string, string>; connectionsClaim?: string };
  origins?: string[];
}

export interface Presented {
  /** The number of a key, or the claims of a JWT. */
  credential: { key: number } | { claims: Record<string, unknown>; isForged: boolean };
  way: "vendor" | "exchange" | "secret" | "assertion" | "refresh";
  /** The requested connection, how the request names it, and `client_id`. */
  connection: string;
  by: "id" | "scope" | "nothing";
  client: string;
  origin?: string;
}

const some = (values: string[]) => fc.subarray(values, { minLength: 1 });
const one = (values: string[]) => fc.constantFrom(...values);
const maybe = <T>(of: fc.Arbitrary<T>, present = 1) =>
  fc.oneof({ arbitrary: of, weight: present }, { arbitrary: fc.constant(undefined), weight: 2 });

const keyed = some(universe).map((connections) => ({ connections }));
const trusted = fc
  .record({
    issuer: one(issuers),
    audience: one(audiences),
    sub: maybe(one([...subjects, "s:*", "s:t:*"]), 4),
    own: maybe(some(universe), 4),
    origins: fc.subarray(origins),
  })
  .map(({ issuer, audience, sub, own, origins: pages }) => ({
    oidc: {
      issuer,
      audience,
      claims: { ...(sub !== undefined && { sub }) },
      // Without one of them, the entry would match everyone or allow nothing.
      ...((sub === undefined || own === undefined) && { connectionsClaim: "list" }),
    },
    ...(own && { connections: own }),
    origins: pages,
  }));

/** A list of callers. The fourth entry has the key `fakeCallerKey("3")`. */
export const list: fc.Arbitrary<Entry[]> = fc
  .array(fc.oneof(keyed, trusted), { minLength: 3, maxLength: 6, size: "max" })
  .map((entries) => entries.map((entry, index) => ({ name: `caller-${index}`, ...entry })));

const claimed = fc.oneof(
  some(universe),
  some(universe).map((ids) => ids.join(" ")),
  one(["a,b", "*", "A", ""]),
  fc.constantFrom<unknown>({ a: true }, [["a"]], 1, null),
);

const claims: fc.Arbitrary<Record<string, unknown>> = fc.record({
  iss: one([...issuers, "https://third.test"]),
  aud: fc.oneof(one(audiences), some(audiences), one(["z"])),
  sub: fc.oneof(one(subjects), some(subjects), one(["t"])),
  list: claimed,
});

export const presented: fc.Arbitrary<Presented> = fc
  .record({
    credential: fc.oneof(
      fc.record({ key: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ claims, isForged: fc.integer({ min: 0, max: 9 }).map((n) => n === 0) }),
    ),
    way: fc.constantFrom("vendor", "exchange", "secret", "assertion", "refresh"),
    connection: one(universe),
    by: fc.constantFrom("id" as const, "scope" as const, "nothing" as const),
    client: one(["caller-0", "caller-1", "caller-2"]),
    origin: maybe(one([...origins, "https://evil.test"])),
  })
  .map(({ origin, ...rest }) => ({ ...rest, ...(origin !== undefined && { origin }) }));

/** The HTTP request. */
export function requestOf({ credential, way, connection, by, client }: Presented): { route: string; sent: Sent } {
  const secret = textOf(credential);
  const scope = { id: connection, scope: named[connection]?.scope ?? "", nothing: "" }[by];
  switch (way) {
    case "vendor": {
      const fields = { ...named[connection], ...(by === "id" && { scope }), token: `Bearer ${secret}` };
      return {
        route: "POST /api/v1/auth/token",
        sent: by === "nothing" ? vendorForm(secret, connection) : urlencoded(fields),
      };
    }
    case "exchange":
      return { route: "POST /oauth/token", sent: exchange(secret, { scope }) };
    case "secret": {
      const fields = { grant_type: "client_credentials", client_id: client, client_secret: secret, scope };
      return { route: "POST /oauth/token", sent: urlencoded(fields) };
    }
    case "assertion":
      return { route: "POST /oauth/token", sent: assertion(secret, { client_id: client, scope }) };
    case "refresh": {
      const handle = "key" in credential ? fakeHandle(connection, String(credential.key)) : secret;
      return { route: "POST /oauth/token", sent: json({ grant_type: "refresh_token", refresh_token: handle }) };
    }
  }
}

/** The credential as text. The signature of a JWT says whether it is forged. */
function textOf(credential: Presented["credential"]): string {
  if ("key" in credential) return fakeCallerKey(String(credential.key));
  const payload = Buffer.from(JSON.stringify(credential.claims)).toString("base64url");
  return `fake.${payload}.${credential.isForged ? "forged" : "good"}`;
}

/** The connections that the list allows, computed from the documentation without the code under test. */
export function allowedBy(entries: Entry[], { credential, origin, way, client }: Presented): Set<string> {
  if ("key" in credential) {
    const entry = entries[credential.key];
    if (way === "exchange" || way === "assertion") return new Set();
    const isNamed = way !== "secret" || entry?.name === client;
    return new Set(entry && !entry.oidc && isNamed && origin === undefined ? entry.connections : []);
  }
  const { claims: sent, isForged } = credential;
  if (isForged || way === "refresh" || way === "secret") return new Set();
  const matching = entries.filter(({ name, oidc, origins: pages = [] }) => {
    if (way === "assertion" && name !== client) return false;
    if (!oidc || oidc.issuer !== sent["iss"] || ![sent["aud"]].flat().includes(oidc.audience)) return false;
    const { sub } = oidc.claims;
    const isSubject =
      sub === undefined ||
      (typeof sent["sub"] === "string" && new RegExp(`^${sub.replace("*", ".*")}$`).test(sent["sub"]));
    return isSubject && (origin === undefined || pages.includes(origin));
  });
  return new Set(matching.flatMap((entry) => universe.filter((id) => isAllowed(entry, id, sent["list"]))));
}

function isAllowed({ oidc, connections }: Entry, id: string, claim: unknown): boolean {
  if (connections && !connections.includes(id)) return false;
  if (oidc?.connectionsClaim === undefined) return connections !== undefined;
  return typeof claim === "string" ? claim.split(" ").includes(id) : Array.isArray(claim) && claim.includes(id);
}
