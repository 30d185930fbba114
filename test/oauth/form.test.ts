import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import axios from "axios";
import FormData from "form-data";
import { describe, expect, test } from "vitest";
import { longestForm, readForm } from "../../functions/auth-core/http/form.ts";
import { hasPrograms } from "../support/programs.ts";
import { serve } from "../support/server.ts";
import { dotnetMultipart, eventOf, json, multipart, multipartOf, part, type Sent, urlencoded } from "./wire.ts";

const route = "POST /api/v1/auth/token";
const fields = {
  username: "admin_webapicorso",
  scope: "webapicorso_alywebapicorso",
  token: "Bearer fake-key-1",
};
const pairs = Object.entries(fields);

const read = async (sent: Sent, allow = { json: false }) => {
  const form = await readForm(eventOf(route, sent), allow);
  return "error" in form ? form : Object.fromEntries(form);
};
const refused = (description: string) => ({
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

describe("the fields are read as they are sent by", () => {
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

  test("a page that sets the Content-Type itself, and so sends it without a boundary", async () => {
    const body = new globalThis.FormData();
    for (const [name, value] of pairs) body.append(name, value);
    const headers = new Headers({ "Content-Type": "multipart/form-data" });

    const sent = await captured((url) => fetch(url, { method: "POST", headers, body }));

    expect(sent.headers["content-type"]).toBe("multipart/form-data");
    expect(await read(sent)).toEqual(fields);
  });

  test("a page that leaves the Content-Type to the browser", async () => {
    const body = new globalThis.FormData();
    for (const [name, value] of pairs) body.append(name, value);

    expect(await read(await captured((url) => fetch(url, { method: "POST", body })))).toEqual(fields);
  });

  test(".NET: a quoted boundary, and names without quotes", async () => {
    expect(await read(dotnetMultipart(fields))).toEqual(fields);
  });

  test("Chromium, with its boundary and without telling it", async () => {
    const { body } = multipart(pairs, "----WebKitFormBoundaryFAKE0000000000ab");

    expect(await read({ headers: { "content-type": "Multipart/Form-Data" }, body })).toEqual(fields);
  });

  test("whoever sends them urlencoded, with a charset", async () => {
    const { body } = urlencoded({ ...fields, city: "Città di Castello" });
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };

    expect(await read({ headers, body })).toEqual({ ...fields, city: "Città di Castello" });
  });

  test("whoever sends them as JSON, where that is allowed", async () => {
    expect(await read(json(fields), { json: true })).toEqual(fields);
    expect(await read(json(fields), { json: false })).toEqual(refused("Content-Type"));
  });
});

const withFile = [
  ["username", "admin"],
  ["token", "fake"],
] as [string, string][];
const file = part(
  "fake-boundary",
  ['Content-Disposition: form-data; name="token"; filename="fake.txt"'],
  "Bearer fake-key-1",
);
const latin1 = Buffer.from("perché", "latin1");

const unreadable: [what: string, sent: Sent, description: string][] = [
  ["an empty body", { headers: { "content-type": "multipart/form-data" }, body: Buffer.alloc(0) }, "no multipart"],
  ["no Content-Type", { ...multipart(pairs), headers: {} }, "Content-Type"],
  ["another Content-Type", { ...multipart(pairs), headers: { "content-type": "text/plain" } }, "Content-Type"],
  [
    "multipart of another kind",
    { ...multipart(pairs), headers: { "content-type": "multipart/mixed" } },
    "Content-Type",
  ],
  ["a boundary that is not the body's", multipartOf("multipart/form-data; boundary=x", "y", []), "no multipart"],
  ["a boundary that is empty", multipartOf("multipart/form-data; boundary=", "y", []), "no multipart"],
  [
    "no boundary at all",
    { headers: { "content-type": "multipart/form-data" }, body: Buffer.from("a=b") },
    "no multipart",
  ],
  ["no end", { ...multipart(pairs), body: multipart(pairs).body.subarray(0, -6) }, "no multipart"],
  [
    "line feeds alone",
    { ...multipart(pairs), body: Buffer.from(multipart(pairs).body.toString().replaceAll("\r", "")) },
    "no multipart",
  ],
  [
    "a part without a name",
    multipartOf("multipart/form-data; boundary=fake-boundary", "fake-boundary", [part("fake-boundary", [], "x")]),
    "no multipart",
  ],
  [
    "a file in place of a field",
    multipartOf("multipart/form-data; boundary=fake-boundary", "fake-boundary", [file]),
    "not a text",
  ],
  ["a field twice", multipart([...withFile, ["token", "other"]]), "twice"],
  ["a field twice, the same", multipart([...withFile, ["token", "fake"]]), "twice"],
  ["a field twice, urlencoded", urlencoded([...withFile, ["token", "fake"]]), "twice"],
  ["Latin-1", multipart([["username", latin1]]), "UTF-8"],
  ["Latin-1, urlencoded", { ...urlencoded({}), body: Buffer.concat([Buffer.from("username="), latin1]) }, "UTF-8"],
  ["Latin-1, percent-encoded", { ...urlencoded({}), body: Buffer.from("username=perch%E9") }, "UTF-8"],
  ["a part of 10 MB", multipart([["username", "x".repeat(10_000_000)]]), "larger than 16384"],
  ["a byte too much", urlencoded({ a: "x".repeat(longestForm - 1) }), "larger than 16384"],
];

describe("a request is refused, and what it sent is not repeated,", () => {
  test.each(unreadable)("for %s", async (_, sent, description) => {
    expect(await read(sent, { json: true })).toEqual(refused(description));
  });

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["a text", '"fake"'],
    ["JSON with a number in it", '{"grant_type": 7}'],
    ["JSON with an object in it", '{"grant_type": {"$ne": ""}}'],
    ["JSON with a field that is null", '{"grant_type": null}'],
  ])("for %s", async (_, text) => {
    const sent = { headers: { "content-type": "application/json" }, body: Buffer.from(text) };

    expect(await read(sent, { json: true })).toMatchObject({ error: "invalid_request" });
  });

  test("but 16 KiB are read", async () => {
    expect(await read(urlencoded({ a: "x".repeat(longestForm - 2) }))).toEqual({ a: "x".repeat(longestForm - 2) });
  });

  test("and a field with the name of what every object has is a field", async () => {
    const form = await readForm(eventOf(route, json(JSON.parse('{"__proto__": "fake"}'))), { json: true });

    expect(form).toEqual(new Map([["__proto__", "fake"]]));
  });
});
