import { inspect } from "node:util";
import { expect, test } from "vitest";
import { type ClientEvent, jwt } from "../../packages/client/src/index.ts";
import { iam } from "../../packages/client/src/iam.ts";
import { startEcho } from "../support/echo-server.ts";
import { clientOf, fakeKey, startServer, startTokenServer } from "./servers.ts";

/** Everything of a value that a log could show. */
const shown = (value: unknown) => `${inspect(value, { depth: null, showHidden: true })} ${JSON.stringify(value)}`;

test("A client, its connections, its tokens and its events show no token and no key", async () => {
  const api = await startServer((_, response) => response.writeHead(401).end());
  const broker = await startTokenServer(() => api.url);
  const events: ClientEvent[] = [];
  const client = clientOf(broker.url, { onEvent: (event) => events.push(event) });
  await client.fetch("/customers");
  const token = await client.token();

  const all = [client, client.connection("webapicorso"), token, events].map(shown).join("\n");

  expect(events.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual(["token missing", "token rejected"]);
  expect(all).toContain("webapicorso");
  expect(all).not.toMatch(/fake-token|stb_fake/);
  expect(token.accessToken).toBe("fake-token-2");
});

test.each(["400", "401", "500", "200"])(
  "An error does not show the credential that the response %s repeats everywhere",
  async (status) => {
    const echo = await startEcho();
    const events: ClientEvent[] = [];
    const credential = jwt(() => "fake-jwt-credential");
    const client = clientOf(`${echo.url}/${status}`, { credential, onEvent: (event) => events.push(event) });

    const error: unknown = await client.token().catch((each: unknown) => each);
    await echo.close();

    expect(error).toBeInstanceOf(Error);
    expect(shown([error, events])).not.toContain("fake-jwt-credential");
    expect(events).toHaveLength(1);
  },
);

test("An error does not show the key that the gateway's request id repeats", async () => {
  const broker = await startServer(({ body }, response) =>
    response.writeHead(403, { "apigw-requestid": body }).end('{"message":"Forbidden"}'),
  );

  const failing = clientOf(broker.url).token();

  await expect(failing).rejects.toMatchObject({ requestId: expect.stringContaining("client_secret=[removed]") });
});

test("The error of a token with a line break does not show it", async () => {
  const body = { access_token: "fake-secret\r\nx: y", token_type: "Bearer", expires_in: 60 };
  const broker = await startServer((_, response) => response.end(JSON.stringify(body)));

  const error: unknown = await clientOf(broker.url)
    .fetch("/x")
    .catch((each: unknown) => each);

  expect(error).toMatchObject({ code: "malformed_response" });
  expect(shown(error)).not.toContain("fake-secret");
});

test("The error of a credential that cannot be sent in a header does not show it", async () => {
  const credentials = { accessKeyId: "FAKE", secretAccessKey: "fake-secret", sessionToken: "fake-sess\nion" };
  const client = clientOf("https://broker.test", { credential: iam({ region: "eu-south-1", credentials }) });

  const error: unknown = await client.token().catch((each: unknown) => each);

  expect(error).toMatchObject({ code: "credential_unavailable", message: expect.stringContaining("[removed]") });
  expect(shown(error)).not.toMatch(/fake-s/);
});

test("An empty session token removes nothing from an error", async () => {
  const credentials = { accessKeyId: "FAKE", secretAccessKey: "fake-secret", sessionToken: "" };
  const credential = iam({ region: "eu-south-1", credentials });
  const send = async () => Response.json({ message: "Forbidden." }, { status: 403 });

  const failing = clientOf("https://broker.test", { credential, fetch: send }).token();

  await expect(failing).rejects.toMatchObject({ code: "gateway", message: expect.stringMatching(/ 403 Forbidden\.$/) });
});

test("An error does not show the request that the error of the user's fetch holds", async () => {
  const failing: typeof fetch = (_, init) => {
    const failure = new Error(`Fake failure of ${init?.body as string}`);
    return Promise.reject(Object.assign(failure, { config: init }));
  };

  const error: unknown = await clientOf("https://broker.test", { fetch: failing })
    .token()
    .catch((each: unknown) => each);

  expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining("Fake failure") });
  expect(shown(error)).not.toContain(fakeKey);
});
