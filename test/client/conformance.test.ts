import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import { apiUrl } from "../../packages/client/src/api-request.ts";
import { callerKey, type Credential, jwt } from "../../packages/client/src/credentials.ts";
import { iam } from "../../packages/client/src/iam.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { type Case, type ErrorRow, readCases, scriptOf } from "./conformance-case.ts";
import { runCase } from "./conformance-run.ts";
import { wrongCases } from "./wrong-cases.ts";

const files = ["lifetimes.json", "outages.json", "rejected-tokens.json", "errors.json"];
const isValid = new Ajv({ allErrors: true }).compile(readCases<object>("case.schema.json"));

describe.each(files)("%s", (file) => {
  test("The file has the format of its schema", () => {
    isValid(readCases(file));

    expect(isValid.errors ?? []).toEqual([]);
  });

  test.each(readCases<(Case | ErrorRow)[]>(file))("$name", (each) => runCase(scriptOf(each)));
});

describe("urls.json", () => {
  test.each(readCases<{ name: string; base: string; input: string; url: string | null }[]>("urls.json"))(
    "$name: $input",
    ({ base, input, url }) => {
      if (url === null) expect(() => apiUrl(input, base)).toThrow(TypeError);
      else expect(apiUrl(input, base).href).toBe(url);
    },
  );
});

describe("requests.json", () => {
  interface Row {
    name: string;
    credential: Record<string, string>;
    connection: string;
    rejects?: string;
    request: { method: string; path: string; form?: object; json?: object; signed?: boolean };
  }
  const credentialOf = (of: Row["credential"]): Credential => {
    const { kind, name, key, jwt: token = "", region = "", accessKeyId = "", secretAccessKey = "" } = of;
    if (kind === "iam") return iam({ region, credentials: { accessKeyId, secretAccessKey } });
    return kind === "jwt" ? jwt(() => token) : callerKey(name, key);
  };

  test.each(readCases<Row[]>("requests.json"))("$name", async ({ credential, connection, rejects, request }) => {
    const order = { broker: "https://broker.test", connection, rejectedSha256: rejects && sha256Hex(rejects) };

    const { method, url, headers, body = "" } = await credentialOf(credential).request(order, systemRuntime);

    expect([method, url]).toEqual([request.method, `https://broker.test${request.path}`]);
    if (request.form) expect(Object.fromEntries(new URLSearchParams(body))).toEqual(request.form);
    else expect(body && (JSON.parse(body) as unknown)).toEqual(request.json ?? "");
    const signature = /^AWS4-HMAC-SHA256 Credential=\w+\/\d{8}\/eu-south-1\/execute-api\//;
    if (request.signed) expect(headers["authorization"]).toMatch(signature);
    else expect(headers).not.toHaveProperty("authorization");
  });
});

describe("The runner finds", () => {
  test.each(wrongCases)("%s", async (name, wrong) => {
    await expect(runCase(scriptOf({ name, ...wrong }))).rejects.toThrow();
  });
});
