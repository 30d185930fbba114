import { createServer } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { httpsApi } from "../../functions/calls/edges/https-api.ts";
import { readCallPath, targetOf } from "../../functions/calls/rules/call-path.ts";
import { listen } from "../../fixtures/listen.ts";

const api = httpsApi({ now: () => Date.now() / 1000 });
const paths: string[] = [];
let server: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  server = await listen(createServer(({ url = "" }, response) => (paths.push(url), response.end())));
});
afterAll(() => server.close());

// Characters that some server, proxy or URL parser treats in its own way.
const fine = Array.from("aA0-_~:@&=+$,!'()*{}[]|^`\"<>éè");
const refused = Array.from(".;%2Ff5Cc \\/?#\t\n\0\u2215\uFF0F\uFF0E\u202E");
const any = fc.string({ minLength: 1, maxLength: 1, unit: "binary" });
const textOf = (characters: fc.Arbitrary<string>) =>
  fc.array(characters, { minLength: 1, maxLength: 6 }).map((each) => each.join(""));
const segment = fc.oneof(
  { weight: 6, arbitrary: textOf(fc.constantFrom(...fine)) },
  { weight: 1, arbitrary: textOf(fc.oneof(fc.constantFrom(...fine, ...refused), any)) },
  { weight: 1, arbitrary: fc.constantFrom(".", "..", "%2e", "%2E%2e", "..;", "", "{scope}", "$metadata") },
);
/** A path as a client may send it: each character as it is, encoded once, or twice. */
const sentPath = fc
  .array(
    fc.tuple(
      segment,
      fc.constantFrom(
        encodeURIComponent,
        encodeURI,
        (text: string) => encodeURIComponent(encodeURIComponent(text)),
        String,
      ),
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((segments) => segments.map(([text, encode]) => encode(text.toWellFormed())).join("/"));

const decodedOnce = (text: string) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

// 600 runs with the seed 25.
test("A path that is accepted reaches the API at the segments that were compared, whichever form the event has", async () => {
  let accepted = 0;
  const property = fc.asyncProperty(sentPath, async (raw) => {
    const decoded = decodedOnce(raw);
    const prefix = "/v1/connections/acme/api/";
    const forms = [raw, decoded].map((each) => readCallPath(`${prefix}${each}`, decoded, prefix));
    expect(forms[1]).toEqual(decoded === undefined ? expect.objectContaining({ kind: "broken" }) : forms[0]);
    const [path] = forms;
    if (path?.kind !== "path") return;
    accepted += 1;
    const target = targetOf(`${server.url}/base`, path.segments);
    if (!target) throw new Error("It is not below the base URL.");
    const request = {
      ...target,
      method: "GET",
      headers: {},
      body: Buffer.alloc(0),
      token: new Secret("fake"),
    } as const;

    const result = await api.send({ ...request, path: `${target.path}?a='b'` }, 10);

    expect(result).toMatchObject({ kind: "response", status: 200 });
    const url = paths.at(-1) ?? "";
    const [reached = "", query] = url.split("?");
    expect(query).toBe("a='b'");
    expect(reached.split("/").map(decodeURIComponent)).toEqual(["", "base", ...path.segments]);
    // No URL parser finds another path in it, and no segment becomes another one if it is decoded again.
    expect(new URL(url, server.url).pathname).toBe(reached);
    expect(path.segments.map(decodedOnce)).toEqual(path.segments);
  });
  await fc.assert(property, { numRuns: 600, seed: 25 });
  expect(accepted).toBeGreaterThan(0);
});
