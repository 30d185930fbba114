import { describe, expect, it } from "vitest";
import { gateway, NOW, ORDERS, send, signed } from "./gateway-harness.ts";

const FORBIDDEN = { status: 403, text: '{"message":"Forbidden"}' };
const POST = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":"1"}' };

describe("the gateway accepts a request that the SDK's signer signed", () => {
  it.each([
    ["plain", {}],
    ["with a body", POST],
    ["with a body beyond ASCII", { ...POST, body: '{"città":"però €"}' }],
    ["with bytes that are no text", { ...POST, body: Buffer.from([0, 255, 128, 10]) }],
    ["with repeated query keys", { query: { b: ["2", "10", "1"], a: "x" } }],
    ["with a query key that another one begins with", { query: { a: "2", "a-b": "1", A: "3" } }],
    ["with blanks, plus and percent signs in the query", { query: { q: "1+1 = 2%", "k k": "" } }],
    ["with unicode in the query", { query: { città: "però €" } }],
    ["with an encoded path", { path: "/files/a%20b%2Fc/caf%C3%A9" }],
    ["with every mark in the path", { path: "/files/a:b@c(1)!$*'~;=,&" }],
    ["with blanks in a header", { headers: { "x-note": "  a   b  " } }],
  ])("%s", async (_, what) => {
    const to = await gateway();

    const answer = await send(to, await signed(to, what));

    expect(answer).toMatchObject({ status: 200, text: "reached" });
  });

  it.each([-300, 300])("up to five minutes from the gateway's clock: %i s", async (skew) => {
    const to = await gateway();

    const answer = await send(to, await signed(to, {}, { at: NOW + skew }));

    expect(answer.status).toBe(200);
  });
});

describe("the gateway rejects a signature", () => {
  it.each([
    [-301, "bad_date"],
    [301, "bad_date"],
    [86_400, "bad_date"],
  ])("%i s from the gateway's clock", async (skew, refused) => {
    const to = await gateway();

    const answer = await send(to, await signed(to, {}, { at: NOW + skew }));

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ status: 403, refused }]);
  });

  it.each([
    ["of another region", { region: "eu-west-1" }, "wrong_scope"],
    ["of another service", { service: "lambda" }, "wrong_scope"],
    ["by a key that nobody has", { identity: { ...ORDERS, accessKeyId: "FAKENOBODY" } }, "unknown_key"],
    ["by a known key with another secret", { identity: { ...ORDERS, secretAccessKey: "fake" } }, "wrong_signature"],
  ])("%s", async (_, by, refused) => {
    const to = await gateway();

    const answer = await send(to, await signed(to, {}, by));

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ refused }]);
    expect(to.events).toEqual([]);
  });

  it.each([
    ["a body that was changed", { body: '{"a":"2"}' }, "false_hash"],
    ["a query that was added to", { target: "/files/a?b=1" }, "wrong_signature"],
    ["another path", { target: "/files/b" }, "wrong_signature"],
    ["a path with another /", { target: "/files//a" }, "wrong_signature"],
    ["the same path in another encoding", { target: "/files/%61" }, "wrong_signature"],
    ["another method", { method: "PUT" }, "wrong_signature"],
  ])("for %s", async (_, tampered, refused) => {
    const to = await gateway();
    const original = await signed(to, { ...POST, path: "/files/a" });

    const answer = await send(to, { ...original, ...tampered });

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ refused }]);
  });

  it.each([
    ["a signed header that was changed", { "content-type": "text/plain" }, "wrong_signature"],
    ["a signed header that was doubled", { "content-type": ["application/json", "text/plain"] }, "wrong_signature"],
    ["another host", { host: "example.com" }, "wrong_signature"],
    ["an x-amz- header that was added", { "x-amz-meta": "1" }, "unsigned_header"],
    ["a date of its own", { "x-amz-date": "20261124T080001Z" }, "wrong_signature"],
    ["a date that is none", { "x-amz-date": "20261324T080000Z" }, "bad_date"],
    ["a content hash that is false", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }, "false_hash"],
    ["two Authorization headers", { authorization: ["AWS4-HMAC-SHA256 a", "b"] }, "no_signature"],
    ["another scheme", { authorization: "Bearer fake-token" }, "no_signature"],
  ])("for %s", async (_, headers, refused) => {
    const to = await gateway({ allowedHosts: ["example.com"] });
    const original = await signed(to, POST);

    const answer = await send(to, { ...original, headers: { ...original.headers, ...headers } });

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ refused }]);
  });

  it.each([
    ["content-type", "unsigned_header"],
    ["x-amz-date", "bad_date"],
    ["authorization", "no_signature"],
  ])("for a request without its %s header", async (name, refused) => {
    const to = await gateway();
    const original = await signed(to, POST);
    const { [name]: _, ...headers } = original.headers;

    const answer = await send(to, { ...original, headers });

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ refused }]);
  });

  it("whose host is not signed", async () => {
    const to = await gateway();
    const { authorization = "", ...headers } = (await signed(to)).headers;
    const unsigned = String(authorization).replace("host;", "");

    const answer = await send(to, { ...(await signed(to)), headers: { ...headers, authorization: unsigned } });

    expect(answer).toMatchObject(FORBIDDEN);
    expect(to.lines).toMatchObject([{ refused: "unsigned_header" }]);
  });
});
