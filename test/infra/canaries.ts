import type { runEverything } from "./monitoring-run.ts";

type Run = Awaited<ReturnType<typeof runEverything>>;

/** How a text can be written: name → its spellings. Of base64, the characters that depend on no neighbour. */
const encodings: Record<string, (text: string) => string[]> = {
  raw: (text) => [text],
  JSON: (text) => [JSON.stringify(text).slice(1, -1)],
  base64: (text) => base64(text, "base64"),
  base64url: (text) => base64(text, "base64url"),
  percent: (text) => [
    encodeURIComponent(text),
    ...bothCases(hex(text).map((digits) => `%${digits}`)),
    new URLSearchParams({ "": text }).toString().slice(1),
  ],
  hex: (text) => bothCases(hex(text)),
  bytes: (text) => [[...Buffer.from(text)].join(",")],
};

const hex = (text: string) => [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, "0"));
const bothCases = (parts: string[]) => [parts.join(""), parts.join("").toUpperCase()];

/** A text in base64 behind 0, 1 or 2 other bytes. The first and the last characters also have bits of the neighbours. */
function base64(text: string, encoding: "base64" | "base64url"): string[] {
  return [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString(encoding);
    return whole.slice(offset === 0 ? 0 : 4);
  });
}

/** The parts of a secret that a search needs: of each part between dots, as a JWT has, the end. So a cut is found too. */
const partsOf = (secret: string): string[] =>
  secret
    .split(".")
    .filter((part) => part.length >= 12)
    .map((part) => part.slice(-32));

interface Leak {
  secret: string;
  encoding: string;
}

/** Finds secrets of at least 12 characters in a text, in every encoding. */
export function searcherFor(secrets: Iterable<string>): (text: string) => Leak[] {
  const parts = [...new Set([...secrets].flatMap(partsOf))];
  const needles = parts.flatMap((secret) =>
    Object.entries(encodings).flatMap(([encoding, encode]) =>
      [...new Set(encode(secret))].map((needle) => ({ secret, encoding, needle })),
    ),
  );
  return (text) =>
    needles.filter(({ needle }) => text.includes(needle)).map(({ secret, encoding }) => ({ secret, encoding }));
}

/** Members of requests to the stores, and of responses, whose values may be secret. */
const secretMembers = new Set(["SecretString", ":accessToken", ":refreshToken", "accessToken", "refreshToken"]);

/** All texts in a JSON value below members of these names. */
function textsBelow(value: unknown, names: ReadonlySet<string>, isBelow = false): string[] {
  if (typeof value === "string") return isBelow ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsBelow(member, names, isBelow || names.has(name)));
}

/** A JSON value as text, without the members of these names. */
const without = (value: unknown, names: ReadonlySet<string>) =>
  JSON.stringify(value, (name, member: unknown) => (names.has(name) ? undefined : member));

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** The request writes a refresh handle. */
const writesHandle = ({ input }: { input: object }) => JSON.stringify(input).includes("refreshHandles");
const handleMembers = new Set([...secretMembers, ":value", "refreshHandles"]);
const membersOf = (request: { input: object }) => (writesHandle(request) ? handleMembers : secretMembers);

/** Every secret of a run by kind: what callers sent, and what the functions read, wrote, got and returned. */
export function secretsOf({ recorded, answers, presented, simulator }: Run) {
  const texts = recorded.secrets.flatMap(({ input, output }) =>
    [input, parsed(output)].flatMap((each) => textsBelow(each, secretMembers)),
  );
  const stored = recorded.table.flatMap((request) =>
    [request.input, parsed(request.output)].flatMap((each) => textsBelow(each, membersOf(request))),
  );
  const apiKeys = texts.map((text) => {
    const value = parsed(text);
    return typeof value === "object" && value !== null ? String((value as { apiKey?: unknown }).apiKey) : text;
  });
  const sent = simulator.requests.flatMap(({ fields, body }) => [
    ...fields.filter(({ name }) => name === "token").map(({ value }) => value),
    ...textsBelow(parsed(body), new Set(["refresh_token"])),
  ]);
  const returned = answers.flatMap(({ answer }) =>
    textsBelow(parsed(bodyOf(answer) ?? ""), new Set(["access_token", "refresh_token"])),
  );
  const kinds = { apiKeys, stored, sent, returned, presented };
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, all]) => [
      kind,
      [...new Set(all.map((text) => text.replace(/^Bearer /, "")))].filter((text) => partsOf(text).length > 0),
    ]),
  ) as Record<keyof typeof kinds, string[]>;
}

const bodyOf = (answer: unknown) => (answer as { body?: string } | undefined)?.body;

/** A response without the token that its route is there to return. */
function withoutToken(answer: unknown): string {
  const text = bodyOf(answer);
  if (text === undefined) return JSON.stringify(answer ?? null);
  const { statusCode } = answer as { statusCode: number };
  const names = new Set(statusCode === 200 ? ["access_token", "refresh_token"] : []);
  return without({ ...(answer as object), body: parsed(text) }, names);
}

/** Everything that must hold no secret, by kind. Each text appears once. */
export function sinksOf({ output, answers, recorded, simulator }: Run): Record<string, string[]> {
  const sinks = {
    "line of log or metrics": output,
    response: answers.map(({ answer }) => withoutToken(answer)),
    error: answers.flatMap(({ error }) => (error === undefined ? [] : [error])),
    event: recorded.events.map(({ input }) => JSON.stringify(input)),
    // A caller who sends a key as its scope has it looked up in the index `names`: that stores nothing.
    "attribute of the table": recorded.table
      .filter(({ operation }) => operation !== "Query")
      .map((request) => without(request.input, membersOf(request))),
    "request to Secrets Manager": recorded.secrets.map(({ input }) => without(input, secretMembers)),
    "path or header of a request to Smart Services": simulator.requests.map(({ path, headers }) =>
      JSON.stringify({ path, ...headers, authorization: undefined }),
    ),
  };
  return Object.fromEntries(Object.entries(sinks).map(([kind, texts]) => [kind, [...new Set(texts)]]));
}
