import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { searcherFor } from "./canaries.ts";
import { keyCaller, synthesise } from "./synth.ts";

const secret = 'fake+key/"1"=of~webapicorso';
const jwt = `eyJmYWtlIjp0cnVl.${Buffer.from('{"jti":"fake-1234567"}').toString("base64url")}.${"fake-signature-".repeat(4)}`;
const hex = (text: string) => Buffer.from(text).toString("hex");

describe("searcherFor finds a secret", () => {
  const search = searcherFor([secret, jwt]);

  test.each([
    ["raw", secret],
    ["JSON", JSON.stringify({ key: secret })],
    ["base64", Buffer.from(`:${secret}`).toString("base64")],
    ["base64", Buffer.from(`a:${secret}`).toString("base64")],
    ["base64", Buffer.from(`ab:${secret}, and more`).toString("base64")],
    ["base64url", Buffer.from(`{"key":"${secret}"}`).toString("base64url")],
    ["percent", `/path?key=${encodeURIComponent(secret)}`],
    ["percent", new URLSearchParams({ key: secret }).toString()],
    ["percent", hex(secret).replaceAll(/../g, "%$&")],
    ["hex", `0x${hex(secret)}00`],
    ["hex", hex(secret).toUpperCase()],
    ["bytes", JSON.stringify(Buffer.from(secret))],
  ])("%s: %s", (encoding, text) => {
    expect(search(`before ${text} behind`)).toContainEqual({ secret, encoding });
  });

  test.each([
    ["its payload", jwt.split(".")[1]],
    ["its end", jwt.slice(-40)],
    ["all of it in base64", Buffer.from(`x${jwt}`).toString("base64")],
  ])("by a part of a JWT: %s", (_, text) => {
    expect(search(`before ${text} behind`)).not.toEqual([]);
  });

  test("and nothing in a text without it", () => {
    const texts = ["", secret.slice(1), secret.toUpperCase(), "[redacted]", hex(secret.slice(0, -1))];

    expect(texts.map(search)).toEqual(texts.map(() => []));
  });
});

/** A JWT (API keys are JWTs), an AWS access key, a private key or a caller key. */
const credential =
  /\beyJ[\w-]{10,}\.[\w-]{10,}|\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----[\sA-Za-z0-9+/]{40}|\bstb_[\w-]{20,}/;

test("Templates and bundles have the hash of a caller key, and neither the key nor another credential", () => {
  const key = fakeCallerKey("php");
  const keySha256 = [callerKeyHash(new Secret(key))];
  const { outdir } = synthesise({ callers: [{ ...keyCaller, keySha256 }] });
  const files = readdirSync(outdir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  const found = [jwt, "AKIAFAKEFAKEFAKEFAKE", `-----BEGIN PRIVATE KEY-----\n${"fake".repeat(16)}`, key];

  expect(files.filter((text) => text.includes(keySha256[0] ?? ""))).not.toHaveLength(0);
  expect(files.flatMap(searcherFor([key]))).toEqual([]);
  expect(files.filter((text) => credential.test(text))).toEqual([]);
  expect(found.filter((text) => !credential.test(`{"value": "${text}"}`))).toEqual([]);
});
