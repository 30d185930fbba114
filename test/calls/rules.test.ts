import { gzipSync } from "node:zlib";
import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { allowsCall, brokenPattern, brokenSegment } from "../../functions/auth-core/rules/callers/call-rules.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { searchBody } from "../../functions/calls/edges/search.ts";
import { problemOf, rejectedToken } from "../../functions/calls/rules/call-failure.ts";
import { alwaysHeaders, headersToReturn, headersToSend } from "../../functions/calls/rules/call-headers.ts";
import { ownPathOf, readCallPath, targetOf, withScope } from "../../functions/calls/rules/call-path.ts";
import { connectionOf, readCall, readCredential } from "../../functions/calls/rules/call-request.ts";
import { connectionId } from "../../fixtures/registration.ts";

const connection = connectionId("acme");
const prefix = "/v1/connections/acme/api/";

describe("A segment of a path", () => {
  test.each(["a", "a b", "$metadata", "a.b", "C++", ".a", "perché", "{scope}", "(", "@:&=+,!'*~", "*"])(
    "may be %j",
    (segment) => expect(brokenSegment(segment)).toBeUndefined(),
  );

  test.each<[string, string[]]>([
    ["has an empty segment or a slash at its end", [""]],
    ["has a segment of dots or spaces", [".", "..", "...", " ", ". .", "..\u00A0", "\u3000..", "..+", "+..", "+"]],
    ["has a segment with a space at its edge or a dot at its end", [" a", "a ", "a.", "a\u2003"]],
    [
      "has a segment with a character that is not allowed, like \\ % ? # ; or a control character",
      ["/", "\\", "%", "?", "#", ";", "\0", "\r", "\n", "\t", "\x7f", "\u0085", "\u00AD", "\u200B", "\u202E", "\uFEFF"]
        .concat(["\u2028", "\u2029", "\uFFFD", "\u2044", "\u2215", "\u2216", "\uD800", "\uE000", "\u{E0001}"])
        .concat(["\u066A", "\u29F5", "\u29F8", "\u034F", "\u115F", "\u17B4", "\u180B", "\u3164", "\uFE0F", "\u{E0100}"])
        .map((character) => `a${character}b`),
    ],
    [
      "has a segment with a character that stands for one of / \\ . % ? # ;",
      [
        "\uFF0F",
        "\uFF3C",
        "\uFF0E",
        "\uFF05",
        "\uFF1F",
        "\uFF03",
        "\uFF1B",
        "\u2024",
        "\u2026",
        "\u2100",
        "\u037E",
      ].map((character) => `a${character}b`),
    ],
  ])("%s", (rule, segments) => {
    expect(segments.filter((segment) => brokenSegment(segment) !== rule)).toEqual([]);
  });

  test("keeps a dot that its normal form does not multiply", () => {
    expect(brokenSegment("a.b\uFB01")).toBeUndefined();
  });
});

test.each<[string, string | undefined]>([
  ["/api/v1/{scope}/CO/**", undefined],
  ["/api/*/x", undefined],
  ["/api", undefined],
  [`/${"a".repeat(2047)}`, undefined],
  [`/${"a".repeat(2048)}`, "is longer than 2048 characters"],
  ["api", "must begin with /"],
  ["/", "has an empty segment or a slash at its end"],
  ["/*/a", "must begin with a literal segment, like /api"],
  ["/**", "must begin with a literal segment, like /api"],
  ["/{scope}/a", "must begin with a literal segment, like /api"],
  ["/api/**/a", "has ** before its end"],
  ["/api/a*", "has a segment that is partly variable. Use whole segments: *, ** or {scope}"],
  ["/api/{id}", "has a segment that is partly variable. Use whole segments: *, ** or {scope}"],
  ["/api/a}", "has a segment that is partly variable. Use whole segments: *, ** or {scope}"],
  ["/api/x/", "has an empty segment or a slash at its end"],
  ["/api/../x", "has a segment of dots or spaces"],
  ["/api/a%20b", expect.stringContaining("not allowed")],
  ["/API/v1/auth/TOKEN", expect.stringContaining("token endpoint")],
  ["/oauth/token", expect.stringContaining("token endpoint")],
  ["/oauth/*", expect.stringContaining("token endpoint")],
  ["/api/**", expect.stringContaining("token endpoint")],
  ["/api/v1/{scope}/token", expect.stringContaining("token endpoint")],
  ["/api/v1/auth/token/x", undefined],
])("The path %s of a rule: %s", (path, broken) => {
  expect(brokenPattern(path)).toEqual(broken);
});

describe("A rule", () => {
  const allows = (path: string, called: string, scope?: string) =>
    allowsCall({ methods: ["GET"], path }, "GET", called.slice(1).split("/"), scope);

  test.each<[string, string, string | undefined, boolean]>([
    ["/a/b", "/a/b", "s", true],
    ["/a/b", "/a/B", "s", false],
    ["/a/b", "/a", "s", false],
    ["/a/b", "/a/b/c", "s", false],
    ["/a/*", "/a/b", "s", true],
    ["/a/*", "/a/b/c", "s", false],
    ["/a/*", "/a", "s", false],
    ["/a/*/c", "/a/b/d", "s", false],
    ["/a/**", "/a/b", "s", true],
    ["/a/**", "/a/b/c/d", "s", true],
    ["/a/b/**", "/a/b/c/d", "s", true],
    ["/a/**", "/a", "s", false],
    ["/a/**", "/b/c", "s", false],
    ["/a/{scope}/b", "/a/s/b", "s", true],
    ["/a/{scope}/b", "/a/t/b", "s", false],
    ["/a/{scope}/b", "/a/{scope}/b", "s", false],
    ["/a/{scope}/b", "/a/*/b", "*", true],
    ["/a/{scope}/b", "/a/t/b", undefined, true],
    ["/a/{scope}/b", "/a/t/c", undefined, false],
    ["/a/b/c", "/a/{scope}/c", undefined, true],
    ["/a/b/c", "/a/{scope}/d", undefined, false],
    ["/a/b/c", "/a/{scope}/c", "s", false],
    ["/a/*", "/a/*", "s", true],
    ["/a/b", "/a/*", "s", false],
    ["/a/b/c", "/a/**", "s", false],
  ])("%s, call of %s, scope %s: %s", (path, called, scope, expected) => {
    expect(allows(path, called, scope)).toBe(expected);
  });

  test.each([
    [["GET"], "GET", true],
    [["GET"], "HEAD", true],
    [["HEAD"], "HEAD", true],
    [["HEAD"], "GET", false],
    [["POST"], "HEAD", false],
    [["GET"], "POST", false],
    [["PUT", "PATCH"], "PATCH", true],
  ] as const)("for %j allows %s: %s", (methods, method, expected) => {
    expect(allowsCall({ methods: [...methods], path: "/a" }, method, ["a"], "s")).toBe(expected);
  });
});

describe("The path of a call", () => {
  test.each<[string, string | undefined, unknown]>([
    [`${prefix}a/b`, "a/b", ["a", "b"]],
    [`${prefix}a%20b`, "a b", ["a b"]],
    [`${prefix}a b`, "a b", ["a b"]],
    [`${prefix}a%2Fb`, "a/b", ["a", "b"]],
    [`${prefix}perch%C3%A9`, "perché", ["perché"]],
    ["/v1/connections/acme/%61pi/a", "a", `must begin with ${prefix}`],
    ["/v1/connections/other/api/a", "a", `must begin with ${prefix}`],
    [`/x${prefix}a`, "a", `must begin with ${prefix}`],
    [`${prefix}a`, undefined, `must begin with ${prefix}`],
    [`${prefix}a`, "b", "is not encoded once, in UTF-8"],
    [`${prefix}a%252Fb`, "a/b", "is not encoded once, in UTF-8"],
    [`${prefix}%ED%A0%80`, "\uFFFD", "is not encoded once, in UTF-8"],
    [`${prefix}a%2520b`, "a%20b", expect.stringContaining("not allowed")],
    [prefix, "", "has an empty segment or a slash at its end"],
    [`${prefix}a//b`, "a//b", "has an empty segment or a slash at its end"],
    [`${prefix}${"a".repeat(2048)}`, "a".repeat(2048), ["a".repeat(2048)]],
    [`${prefix}${"a".repeat(2049)}`, "a".repeat(2049), "is longer than 2048 characters"],
    [`${prefix}${"a/".repeat(1024)}b`, `${"a/".repeat(1024)}b`, "is longer than 2048 characters"],
  ])("%s with the parameter %s", (rawPath, decoded, expected) => {
    expect(readCallPath(rawPath, decoded, prefix)).toEqual(
      Array.isArray(expected) ? { kind: "path", segments: expected } : { kind: "broken", rule: expected },
    );
  });

  test.each<[string[], string, string[] | undefined]>([
    [["a", "{scope}", "b"], "s", ["a", "s", "b"]],
    [["a{scope}"], "s", ["a{scope}"]],
    [["{scope}"], "s/t", undefined],
    [["{scope}"], "..", undefined],
    [["{scope}"], "", undefined],
    [["{scope}"], "a".repeat(2049), undefined],
    [["a"], "..", ["a"]],
  ])("%j with the scope %s becomes %j", (segments, scope, expected) => {
    const path = withScope(segments, scope);
    expect(path.kind === "path" ? path.segments : undefined).toEqual(expected);
  });

  test.each<[string, string[], string | undefined]>([
    ["https://api.test", ["a", "b"], "/a/b"],
    ["https://api.test/", ["a"], "/a"],
    ["https://api.test/base", ["a b"], "/base/a%20b"],
    ["https://api.test/base/", ["$metadata"], "/base/$metadata"],
    ["https://api.test/base", ["a&b,c=d:e@f+g!'()*~"], "/base/a&b,c=d:e@f+g!'()*~"],
    ["https://api.test/base", ['a"<>|^`[]{}'], "/base/a%22%3C%3E%7C%5E%60%5B%5D%7B%7D"],
    ["https://api.test/base", ["..", "x"], undefined],
    ["https://api.test/base", ["a", ".."], undefined],
    ["https://api.test//elsewhere.test", ["a"], undefined],
    ["https://api.test/api/v1", ["auth", "token"], undefined],
    ["https://api.test/acme/%61pi/v1/Auth", ["TOKEN"], undefined],
    ["https://api.test/oauth/", ["token"], undefined],
    ["https://api.test/base", ["auth", "token"], "/base/auth/token"],
    ["https://api.test/api/v1", ["auth", "token", "x"], "/api/v1/auth/token/x"],
  ])("below %s, %j is sent as %s", (apiBaseUrl, segments, path) => {
    expect(targetOf(apiBaseUrl, segments)).toEqual(path && { origin: "https://api.test", path });
  });

  test.each<[string, string | undefined]>([
    ["https://api.test/base/a/b?x=1", `${prefix}a/b?x=1`],
    ["/base/a%20b", `${prefix}a%20b`],
    ["next?page=2", `${prefix}orders/next?page=2`],
    ["?page=2", `${prefix}orders/7?page=2`],
    ["//api.test/base/a", `${prefix}a`],
    ["http://api.test/base/a", undefined],
    ["https://elsewhere.test/base/a", undefined],
    ["https://user@api.test/base/a", undefined],
    ["https://:fake@api.test/base/a", undefined],
    ["/outside", undefined],
    ["/based/a", undefined],
    ["/base", undefined],
    ["/base/a%2Fb", undefined],
    ["/base/%ZZ", undefined],
    ["/base/a//b", undefined],
    ["/base/x;y", undefined],
    ["https://", undefined],
  ])("the URL %s of the API becomes %s", (url, own) => {
    const called = { prefix, apiBaseUrl: "https://api.test/base", calledPath: "/base/orders/7" };
    expect(ownPathOf(url, called)).toBe(own);
    expect(ownPathOf("/a", { ...called, apiBaseUrl: "https://api.test/" })).toBe(`${prefix}a`);
  });
});

describe("The headers of a request to the API", () => {
  test.each<[string | undefined, string]>([
    [undefined, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["br, GZIP;q=0.5", "gzip"],
    ["*", "gzip"],
    ["gzip;q=0, *", "identity"],
    ["gzip; q=0", "identity"],
    ["br", "identity"],
    ["gzip;q=x", "identity"],
    ["gzip;0q=1", "identity"],
  ])("accept-encoding %j becomes %s", (sent, expected) => {
    expect(headersToSend({ "accept-encoding": sent })).toEqual({ "accept-encoding": expected });
  });

  // The list of docs/calls.md.
  test("are those of the list", () => {
    const list =
      "accept accept-language content-type content-encoding if-match if-none-match if-modified-since if-unmodified-since if-range range prefer idempotency-key x-request-id traceparent tracestate";
    const sent = Object.fromEntries(list.split(" ").map((name) => [name, name]));

    expect(headersToSend({ ...sent, cookie: "a=b" })).toEqual({ ...sent, "accept-encoding": "identity" });
  });

  test("are left out if they are not ASCII", () => {
    const sent = { accept: "*/*", prefer: "perché", "x-request-id": "a\tb", cookie: "a=b", range: "a\nb" };
    expect(headersToSend(sent)).toEqual({ accept: "*/*", "x-request-id": "a\tb", "accept-encoding": "identity" });
  });
});

describe("The headers of the API's response", () => {
  const called = { prefix, apiBaseUrl: "https://api.test/base", calledPath: "/base/orders/7" };
  const returned = (headers: Record<string, string | string[]>) => {
    const all = headersToReturn(headers, called);
    expect(all).toMatchObject({
      vary: "authorization, origin, accept, accept-encoding, accept-language, prefer",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
    });
    return Object.fromEntries(Object.entries(all).filter(([name]) => !(name in alwaysHeaders)));
  };
  const none = { "content-type": "application/octet-stream", "cache-control": "private, no-store" };

  // The list of docs/calls.md, without those that change.
  test("are those of the list", () => {
    const list =
      "content-type content-encoding content-language content-disposition content-range accept-ranges etag last-modified retry-after allow x-total-count x-pagination x-request-id";
    const sent = Object.fromEntries(list.split(" ").map((name) => [name, name]));

    expect(returned({ ...sent, server: "fake" })).toEqual({ ...sent, "cache-control": "private, no-store" });
  });

  test.each<[Record<string, string | string[]>, Record<string, string>]>([
    [{}, none],
    [{ "set-cookie": "a=b", "access-control-allow-origin": "*", server: "x" }, none],
    [
      { "content-type": "text/plain", etag: '"1"' },
      { ...none, "content-type": "text/plain", etag: '"1"' },
    ],
    [{ etag: "perché", "content-type": "\u00e8" }, none],
    [{ allow: ["GET", "PUT"] }, { ...none, allow: "GET, PUT" }],
    [{ location: "/base/a" }, { ...none, location: `${prefix}a` }],
    [{ location: "https://elsewhere.test/" }, none],
    [{ vary: "*", "content-security-policy": "default-src *", "x-content-type-options": "x" }, none],
    [
      { link: ['</base/a>; rel=next; title="x, y"; anchor="/z"', "</out>; rel=prev", "</base/b>;type=t"] },
      { ...none, link: `<${prefix}a>; rel=next; title="x, y", <${prefix}b>;type=t` },
    ],
    [{ link: "</base/a>x;rel=next" }, { ...none, link: `<${prefix}a>` }],
    [{ link: "</base/a> ; rel = next" }, { ...none, link: `<${prefix}a>; rel = next` }],
    [{ link: "garbage" }, none],
    [{ "cache-control": "xno-store, max-age=5" }, { ...none, "cache-control": "private, max-age=5" }],
    [{ "cache-control": "public, max-age=60, S-MaxAge=5" }, { ...none, "cache-control": "private, max-age=60" }],
    [{ "cache-control": "No-Cache,max-age=0" }, { ...none, "cache-control": "private, no-cache, max-age=0" }],
    [{ "cache-control": "public, max-age=1x, max-age=" }, none],
  ])("%j become %j", (headers, expected) => {
    expect(returned(headers)).toEqual(expected);
  });
});

describe("The credential of a call", () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

  test.each<[string | undefined, [string | undefined, string] | undefined]>([
    ["Bearer abc.d-e_f~+/=", [undefined, "abc.d-e_f~+/="]],
    ["bearer  abc", [undefined, "abc"]],
    [basic("erp:fake-key"), ["erp", "fake-key"]],
    [basic("erp:fake:key"), ["erp", "fake:key"]],
    [basic("erp:"), ["erp", ""]],
    [basic(":fake-key"), undefined],
    [basic(":fake:key"), undefined],
    [basic("erp"), undefined],
    [undefined, undefined],
    ["", undefined],
    ["Bearer", undefined],
    ["BearerX", undefined],
    ["Bearer a b", undefined],
    ["xBearer abc", undefined],
    ["Digest abc", undefined],
  ])("%j", (authorization, expected) => {
    const read = readCredential(authorization);
    expect(read && [read.name, read.value.reveal()]).toEqual(expected);
  });
});

describe("The request of a call", () => {
  const read = (method: string, more: Partial<Event> = {}) =>
    readCall(
      {
        rawPath: `${prefix}a`,
        rawQueryString: "",
        headers: {},
        isBase64Encoded: false,
        pathParameters: { path: "a" },
        requestContext: { http: { method } },
        ...more,
      } as Event,
      connection,
    );
  const summary = (result: ReturnType<typeof read>) =>
    "code" in result ? result.code : result.body.toString("latin1");
  const typed = (type: string, body: string, more: Record<string, string> = {}) =>
    summary(read("POST", { body, headers: { "content-type": type, ...more } }));
  const encoded = (size: number) => read("PUT", { body: Buffer.alloc(size).toString("base64"), isBase64Encoded: true });

  test("has the method, the segments and the query as it was sent", () => {
    expect(read("PATCH", { rawQueryString: "$filter=a%20eq%20'b'&x=%27" })).toEqual({
      method: "PATCH",
      segments: ["a"],
      query: "$filter=a%20eq%20'b'&x=%27",
      body: Buffer.alloc(0),
    });
  });

  test("has one of the methods, a path by the rules and a query of visible ASCII", () => {
    expect(["OPTIONS", "get", "TRACE"].map((method) => summary(read(method)))).toEqual(
      Array<string>(3).fill("invalid_request"),
    );
    expect(summary(read("GET", { pathParameters: {} }))).toBe("invalid_request");
    expect(["a b", "perché", "a\n", "\x7f"].map((rawQueryString) => summary(read("GET", { rawQueryString })))).toEqual(
      Array<string>(4).fill("invalid_request"),
    );
  });

  test("has no body if it is a GET or HEAD", () => {
    expect(summary(read("GET"))).toBe("");
    expect(["GET", "HEAD", "DELETE"].map((method) => summary(read(method, { body: "x" })))).toEqual([
      "invalid_request",
      "invalid_request",
      "x",
    ]);
  });

  test.each<[string, string, Record<string, string>, string]>([
    ["application/json", "é", {}, "\xc3\xa9"],
    ["text/plain; charset=UTF-8", "a", {}, "a"],
    ['text/plain;charset="utf8"', "a", {}, "a"],
    ["text/plain; charset = us-ascii", "a", {}, "a"],
    ["text/plain;charset=latin1", "a", {}, "unsupported_body"],
    ["text/plain; charset =latin1", "a", {}, "unsupported_body"],
    ["text/plain; charset=utf-8x", "a", {}, "unsupported_body"],
    ["text/plain; charset=x-utf-8", "a", {}, "unsupported_body"],
    ["text/plain", "\uFFFD", {}, "unsupported_body"],
    ["text/plain", "a", { "content-encoding": "gzip" }, "unsupported_body"],
  ])("with the content type %s and the text %j", (type, body, more, expected) => {
    expect(typed(type, body, more)).toBe(expected);
  });

  test("has bytes of any type if the gateway encoded them", () => {
    const headers = { "content-type": "text/plain; charset=latin1", "content-encoding": "gzip" };
    expect(summary(read("PUT", { body: "/wA=", isBase64Encoded: true, headers }))).toBe("\xff\0");
  });

  test("has at most 4,500,000 bytes, before base64", () => {
    expect(summary(encoded(4_500_000))).toHaveLength(4_500_000);
    expect([encoded(4_500_001), encoded(4_500_003)].map(summary)).toEqual(Array<string>(2).fill("request_too_large"));
    expect(typed("text/plain", "a".repeat(4_500_000))).toHaveLength(4_500_000);
    expect(typed("text/plain", "a".repeat(4_500_001))).toBe("request_too_large");
    expect(typed("text/plain", "é".repeat(2_250_001))).toBe("request_too_large");
  });
});

test("The connection of a call is that of its path", () => {
  const of = (id: string) => connectionOf({ pathParameters: { connection: id } } as unknown as Event);
  expect([of("acme"), of("a/b")]).toEqual(["acme", undefined]);
});

test("A failure of a call has the status of its code: its own, or one of the broker", () => {
  expect(problemOf({ code: "call_not_allowed", detail: "x" })).toMatchObject({ status: 403, detail: "x" });
  expect(problemOf({ code: "unknown_connection", detail: "x" })).toMatchObject({ status: 404 });
  expect(problemOf(rejectedToken(5))).toMatchObject({ status: 502, retryAfter: 5 });
  expect(rejectedToken()).not.toHaveProperty("retryAfter");
});

test.each([
  ["in two pieces of the decompressed body", gzipSync(`${"x".repeat(256 * 1024 - 5)}fake-token-1`), "gzip", true],
  ["not in the body", gzipSync("fake-token-2"), "gzip", false],
  ["perhaps in a body that is no gzip", Buffer.from("no gzip"), "gzip", undefined],
  ["not in 100 MiB", gzipSync(Buffer.alloc(100 * 1024 * 1024)), "gzip", false],
  ["perhaps behind the first 100 MiB", gzipSync(Buffer.alloc(100 * 1024 * 1024 + 1)), "gzip", undefined],
])("A token is %s", async (_, body, encoding, found) => {
  expect(
    await searchBody(
      body,
      encoding,
      ["fake-token-0", "fake-token-1"].map((token) => new Secret(token)),
    ),
  ).toBe(found);
});

test("A body is decompressed in pieces of 256 KiB: smaller ones take four times as long", async () => {
  const gunzip = vi.spyOn(process.getBuiltinModule("node:zlib"), "createGunzip");
  onTestFinished(() => gunzip.mockRestore());
  await searchBody(gzipSync("x"), "gzip", [new Secret("fake-token-1")]);

  expect(gunzip).toHaveBeenCalledWith({ chunkSize: 262_144 });
});
