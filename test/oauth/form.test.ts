import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import axios from "axios";
import FormData from "form-data";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { maxBodyBytes } from "../../functions/auth-core/rules/request-body.ts";
import { readForm } from "../../functions/oauth/rules/form.ts";
import { serve } from "../support/server.ts";
import {
  dotnetMultipart,
  eventOf,
  json,
  multipart,
  multipartOf,
  part,
  type Sent,
  urlencoded,
} from "./request-bodies.ts";
import { hasPrograms } from "../support/programs.ts";

const fields = {
  username: "admin_webapicorso",
  scope: "webapicorso_alywebapicorso",
  token: "Bearer fake-key-1",
};
const pairs = Object.entries(fields);

/** The fields of a form, or its error. */
async function read(sent: Sent, allow = { json: false }) {
  const form = await readForm(eventOf("POST /api/v1/auth/token", sent), allow);
  return form.kind === "form" ? Object.fromEntries(form.fields) : form;
}
const refused = (description: string) => ({
  kind: "oauth_error",
  error: "invalid_request",
  description: expect.stringContaining(description),
});

/** What a client really sends to a URL. */
async function captured(client: (url: string) => Promise<unknown>): Promise<Sent> {
  const { promise, resolve } = Promise.withResolvers<Sent>();
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    resolve({ headers: request.headers as Record<string, string>, body: await buffer(request) });
    response.end("{}");
  };
  const url = await serve((request, response) => void receive(request, response));
  await client(url);
  return promise;
}

function browserForm() {
  const form = new globalThis.FormData();
  for (const [name, value] of pairs) form.append(name, value);
  return form;
}

describe("readForm reads what is sent by", () => {
  test.skipIf(!hasPrograms("curl"))("curl, with the vendor's own headers", async () => {
    const sent = await captured((url) =>
      promisify(execFile)("curl", [
        ..."--silent --location --request POST".split(" "),
        url,
        "--header",
        "accept-language: it-IT",
        "--header",
        "Content-Type: multipart/form-data",
        ...pairs.flatMap(([name, value]) => ["--form", `${name}="${value}"`]),
      ]),
    );

    expect(await read(sent)).toEqual(fields);
  });

  test("axios and form-data", async () => {
    const form = new FormData();
    for (const [name, value] of pairs) form.append(name, value);
    const headers = { "Content-Type": "multipart/form-data", ...form.getHeaders() };

    const sent = await captured((url) => axios.request({ method: "post", url, headers, data: form }));

    expect(await read(sent)).toEqual(fields);
  });

  test("a page that sets the Content-Type itself, without a boundary", async () => {
    const headers = new Headers({ "Content-Type": "multipart/form-data" });

    const sent = await captured((url) => fetch(url, { method: "POST", headers, body: browserForm() }));

    expect(sent.headers["content-type"]).toBe("multipart/form-data");
    expect(await read(sent)).toEqual(fields);
  });

  test(".NET, with a quoted boundary and names without quotes", async () => {
    expect(await read(dotnetMultipart(fields))).toEqual(fields);
  });

  test("Chromium, with the boundary only in the body", async () => {
    const { body } = multipart(pairs, "----WebKitFormBoundaryFAKE0000000000ab");

    expect(await read({ headers: { "content-type": "Multipart/Form-Data" }, body })).toEqual(fields);
  });

  test("a client with a urlencoded form and a charset", async () => {
    const { body } = urlencoded({ ...fields, city: "Città di Castello" });
    const headers = { "content-type": "application/x-www-form-urlencoded ; charset=UTF-8" };

    expect(await read({ headers, body })).toEqual({ ...fields, city: "Città di Castello" });
  });

  test("a client with JSON, only on the route that allows it", async () => {
    expect(await read(json(fields), { json: true })).toEqual(fields);
    expect(await read(json(fields), { json: false })).toEqual(
      refused("one of multipart/form-data, application/x-www-form-urlencoded."),
    );
  });

  test("a client with JSON whose strings look like more fields", async () => {
    const odd = { token: 'a","token":"b', scope: '\\":', username: "\\" };

    expect(await read(json(odd), { json: true })).toEqual(odd);
  });

  test("a client without a body, urlencoded", async () => {
    expect(await read(urlencoded({}))).toEqual({});
  });

  test("a client with a field named __proto__", async () => {
    const form = await readForm(eventOf("POST /", json(JSON.parse('{"__proto__": "fake"}'))), { json: true });

    expect(form).toEqual({ kind: "form", fields: new Map([["__proto__", "fake"]]) });
  });
});

const boundary = "fake-boundary";
const ofParts = (...parts: Buffer[]) => multipartOf(`multipart/form-data; boundary=${boundary}`, boundary, parts);
const file = part(boundary, ['Content-Disposition: form-data; name="token"; filename="fake.txt"'], "Bearer fake-key-1");
const whole = multipart(pairs);
const withType = (type: string, body: Buffer | string = whole.body) => ({
  headers: { "content-type": type },
  body: Buffer.from(body),
});
/** A body of another boundary than the header names. */
const otherBoundary = (parameter: string) => withType(`multipart/form-data${parameter}`);
const tokenTwice = (second: string) =>
  [
    ["token", "fake"],
    ["username", "admin"],
    ["token", second],
  ] as [string, string][];
const latin1 = Buffer.from("perché", "latin1");
const ofJson = (text: string) => withType("application/json", text);

const unreadable: [what: string, sent: Sent, description: string][] = [
  [
    "a request without Content-Type",
    { ...whole, headers: {} },
    "one of multipart/form-data, application/x-www-form-urlencoded, application/json.",
  ],
  ["a boundary that another one in the body precedes", otherBoundary("; boundary=x"), "not valid multipart"],
  ["a boundary without a blank before it", otherBoundary(";boundary=x"), "not valid multipart"],
  [
    "a body whose first line only ends like a boundary",
    withType("multipart/form-data", Buffer.concat([Buffer.from("fake"), whole.body])),
    "not valid multipart",
  ],
  ["a body without its end", { ...whole, body: whole.body.subarray(0, -6) }, "not valid multipart"],
  [
    "line feeds without carriage returns",
    { ...whole, body: Buffer.from(whole.body.toString().replaceAll("\r", "")) },
    "not valid multipart",
  ],
  ["a part without a name", ofParts(part(boundary, [], "x")), "not valid multipart"],
  ["a file instead of a field", ofParts(file), "not a string"],
  ["a duplicate field", multipart(tokenTwice("other")), "Duplicate"],
  ["Latin-1", multipart([["username", latin1]]), "UTF-8"],
  ["Latin-1, percent-encoded", { ...urlencoded({}), body: Buffer.from("username=perch%E9") }, "UTF-8"],
  ["one byte too many", urlencoded({ a: "x".repeat(maxBodyBytes - 1) }), "at most 16384"],
  ["text that is not JSON", ofJson("{"), "JSON object"],
  ["a duplicate field, escaped in JSON", ofJson('{"token": "fake", "tok\\u0065n" : "other"}'), "Duplicate"],
  ["a JSON number in a field", ofJson('{"grant_type": 7}'), "not a string"],
];

test.each([
  ["text", "a".repeat(10_000_000), false],
  ["encoded by the gateway", "A".repeat(10_000_000), true],
])("readForm rejects a body of 10 MB, %s, before it decodes it", async (_, body, isBase64Encoded) => {
  const decode = vi.spyOn(Buffer, "from");
  onTestFinished(() => decode.mockRestore());
  const event = { ...eventOf("POST /", urlencoded({})), body, isBase64Encoded };
  decode.mockClear();

  expect(await readForm(event, { json: true })).toEqual(refused("at most 16384"));
  expect(decode).not.toHaveBeenCalled();
});

test.each(unreadable)("readForm rejects %s and says why", async (_, sent, description) => {
  expect(await read(sent, { json: true })).toEqual(refused(description));
});
