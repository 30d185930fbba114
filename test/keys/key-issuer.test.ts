import { createServer, type RequestListener } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { fakeFields, fakeRegistration } from "../../fixtures/registration.ts";
import { listen } from "../../fixtures/listen.ts";

const issuer = keyIssuer();

/** A registration whose issuer answers with a listener. */
async function answering(listener: RequestListener) {
  const { url, close } = await listen(createServer(listener));
  onTestFinished(close);
  return fakeRegistration({ keyIssuer: `${url}/keys` });
}

const withStatus = (status: number, body = "", headers: Record<string, string> = {}) =>
  answering((request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  });

describe("keyIssuer, with the simulator's issuer,", () => {
  async function start() {
    const simulator = await startSimulator({ clock: { now: () => 1_800_000_000 } });
    onTestFinished(() => simulator.close());
    simulator.admit(fakeFields);
    return { simulator, registration: fakeRegistration({ keyIssuer: `${simulator.url}/keys` }) };
  }

  it("sends the request of the contract, and gets a key and its id", async () => {
    const { simulator, registration } = await start();

    const answer = await issuer.issue(registration, "token-1");

    expect(answer).toMatchObject({ kind: "issued", apiKeyId: "key-1" });
    expect(simulator.requests).toMatchObject([
      {
        method: "POST",
        path: "/keys",
        body: JSON.stringify({ username: fakeFields.username, scope: fakeFields.scope }),
        headers: {
          authorization: `Bearer ${fakeFields.apiKey}`,
          "idempotency-key": "token-1",
          "content-type": "application/json",
        },
      },
    ]);
  });

  it("revokes by id; an unknown id counts as revoked", async () => {
    const { simulator, registration } = await start();
    const answer = await issuer.issue(registration, "token-1");
    if (answer.kind !== "issued") throw new Error(answer.reason);

    expect(await issuer.revoke(registration, answer.apiKeyId)).toBeUndefined();
    expect(simulator.revokeKey(answer.apiKey.reveal())).toBe(false);
    expect(await issuer.revoke(registration, answer.apiKeyId)).toBeUndefined();
  });

  it("is rejected with a key that the issuer does not accept", async () => {
    const { simulator, registration } = await start();
    simulator.revokeKey(fakeFields.apiKey);

    expect(await issuer.issue(registration, "token-1")).toEqual({ kind: "rejected", reason: "HTTP 401" });
    expect(await issuer.revoke(registration, "key-1")).toBe("HTTP 401");
  });
});

describe("keyIssuer takes a response", () => {
  const issued = JSON.stringify({ apiKey: "fake-key-2", apiKeyId: "key-2" });

  it.each([200, 201])("with status %i as a key", async (status) => {
    expect(await issuer.issue(await withStatus(status, issued), "token-1")).toMatchObject({ kind: "issued" });
  });

  it.each([408, 425, 429, 500, 503])("with status %i as temporary", async (status) => {
    const registration = await withStatus(status, issued);

    expect(await issuer.issue(registration, "token-1")).toEqual({ kind: "temporary", reason: `HTTP ${status}` });
    expect(await issuer.revoke(registration, "key-1")).toBe(`HTTP ${status}`);
  });

  it.each([202, 204, 400, 403, 404, 409])("with status %i as a rejection", async (status) => {
    expect(await issuer.issue(await withStatus(status), "token-1")).toEqual({
      kind: "rejected",
      reason: `HTTP ${status}`,
    });
  });

  it.each(["null", "7", "[]", "{}", '{"apiKey":"fake-key-2"}', '{"apiKey":"","apiKeyId":"a"}'])(
    "that is malformed as a rejection, and does not repeat its text: %j",
    async (body) => {
      const answer = await issuer.issue(await withStatus(200, body), "token-1");

      expect(answer).toEqual({ kind: "rejected", reason: "a response without apiKey and apiKeyId" });
    },
  );

  it.each(["", issued.slice(0, -5)])("that is not JSON as temporary, because a key was issued: %j", async (body) => {
    const answer = await issuer.issue(await withStatus(200, body), "token-1");

    expect(answer).toEqual({ kind: "temporary", reason: "a response that is not JSON" });
  });

  it("that redirects as a rejection, and does not send the key there", async () => {
    const shown: unknown[] = [];
    const { url, close } = await listen(createServer((request, response) => response.end(shown.push(request.headers))));
    onTestFinished(close);

    for (const status of [301, 307, 308]) {
      const registration = await withStatus(status, "", { location: url });
      expect(await issuer.issue(registration, "token-1")).toEqual({
        kind: "rejected",
        reason: `HTTP ${status}`,
      });
      expect(await issuer.revoke(registration, "key-1")).toBe(`HTTP ${status}`);
    }

    expect(shown).toEqual([]);
  });

  it("of up to 64 KiB, and rejects one byte more", async () => {
    const padded = (size: number) => issued + " ".repeat(size - issued.length);

    expect(await issuer.issue(await withStatus(200, padded(64 * 1024)), "token-1")).toMatchObject({ kind: "issued" });
    expect(await issuer.issue(await withStatus(200, padded(64 * 1024 + 1)), "token-1")).toEqual({
      kind: "rejected",
      reason: "a response of more than 65536 bytes",
    });
  });

  it("that never ends as a rejection, without reading all of it", async () => {
    const registration = await answering((_request, response) => {
      const more = () => {
        while (response.write("x".repeat(16_384)));
      };
      response.on("drain", more);
      more();
    });

    expect(await issuer.issue(registration, "token-1")).toMatchObject({ kind: "rejected" });
  });
});

it("keyIssuer sends an id as one segment of the path, whatever is in it", async () => {
  const paths: (string | undefined)[] = [];
  const registration = await answering((request, response) => {
    paths.push(request.url);
    response.writeHead(204).end();
  });

  await issuer.revoke(registration, "../a/b?c#d");

  expect(paths).toEqual(["/keys/..%2Fa%2Fb%3Fc%23d"]);
});
