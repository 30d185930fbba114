import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecretsManager as Client } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, test, vi } from "vitest";
import { type SecretsManager, startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { listen } from "../../fixtures/listen.ts";
import { serve } from "../support/server.ts";
import {
  account,
  addCommand,
  broker,
  brokerProcess,
  describedLocal,
  type Ended,
  expectError,
  secretName,
} from "./harness.ts";

// A command on the local run, while another program holds its port and answers as it likes.

const { region, accountId, keyRotationFunctionArn: RotationLambdaARN } = describedLocal("");

let secretsManager: SecretsManager;
/** Addresses beyond this machine to which the command tried to connect; names count too. */
const outside: string[] = [];

beforeAll(async () => {
  secretsManager = await startSecretsManager({
    region,
    accountId,
    clock: { now: () => Date.now() / 1000 },
    invokeRotation: async () => undefined,
    sleep: async () => undefined,
  });
});
afterAll(() => secretsManager.close());

beforeEach(() => {
  outside.length = 0;
  const connect = Reflect.get(Socket.prototype, "connect") as (...args: unknown[]) => Socket;
  const spy = vi.spyOn(Socket.prototype, "connect").mockImplementation(function (this: Socket, ...args: unknown[]) {
    const [{ host = "", port = 0 }] = args.flat() as [{ host?: string; port?: number }];
    if (host === "127.0.0.1") return Reflect.apply(connect, this, args);
    outside.push(`${host}:${port}`);
    return this.destroy(Object.assign(new Error("fake"), { code: "ECONNREFUSED" }));
  });
  onTestFinished(() => spy.mockRestore());
});

const nowhere = "http://127.0.0.1:1";

/** What a local run answers, with this API. Nothing listens at the other parts, except Secrets Manager. */
function described(url: string) {
  const { local, ...honest } = describedLocal(url);
  const parts = { ...local, dynamodb: nowhere, simulator: nowhere, secretsmanager: secretsManager.url };
  return { ...honest, local: parts };
}

type Honest = ReturnType<typeof described>;

const ends =
  (body: string): RequestListener =>
  (_, to) =>
    to.end(body);

/** Holds the port of the local run. `answer` handles what is not for `/_local/deployment`. */
async function holdPort(
  answer: RequestListener = ends("{}"),
  change: (honest: Honest) => unknown = (honest) => honest,
) {
  const received: string[] = [];
  const held = await listen(
    createServer((request, response) => {
      received.push(`${request.method} ${request.url}`);
      if (request.url !== "/_local/deployment") return answer(request, response);
      return response.end(JSON.stringify(change(described(held.url))));
    }),
  );
  onTestFinished(held.close);
  const options = ["--local-url", held.url];
  return { received, options, url: held.url };
}

/** `connections add` with a key that must not leave the machine. */
const add = (options: string[]): Promise<Ended> =>
  broker([...addCommand("acme"), ...options], { stdin: "fake-key-of-a-person" });

/** Writes until the client closes the connection. */
function endless(to: ServerResponse): void {
  const writing = setInterval(() => to.write("x".repeat(16 * 1024)), 1);
  to.once("close", () => clearInterval(writing));
}

/** Stores a registration in the local run's Secrets Manager; rotation is on. */
async function register(id: string, fields: object): Promise<void> {
  const client = new Client(emulatorConfig(secretsManager.url));
  const SecretId = secretName(id);
  await client.createSecret({
    Name: SecretId,
    SecretString: JSON.stringify({ ...account(id), apiKey: "fake-key-1", ...fields }),
  });
  const RotationRules = { AutomaticallyAfterDays: 90 };
  await client.rotateSecret({ SecretId, RotationLambdaARN, RotationRules, RotateImmediately: false });
  await secretsManager.rotationsSettled();
  client.destroy();
}

describe("broker --local rejects the answer of a server, and sends it nothing else", () => {
  const foreign = [
    "http://192.0.2.1:8787",
    "https://127.0.0.1:1",
    "http://localhost:1",
    "http://127.0.0.2:1",
    "http://127.0.0.1.evil.test:1",
    "http://127.0.0.1@evil.test:1",
    "http://127.0.0.1:1@evil.test",
    "http://127.0.0.1:1/path",
    "http://127.0.0.1:1\n",
    " http://127.0.0.1:1",
    "http://127.0.0.1:99999",
    42,
    undefined,
  ];

  it.each(["url", "local.dynamodb", "local.secretsmanager", "local.simulator"])(
    "with an address in %s that is not on 127.0.0.1",
    async (field) => {
      const name = field.replace("local.", "");
      for (const address of foreign) {
        const held = await holdPort(ends("{}"), (honest) =>
          field === "url" ? { ...honest, url: address } : { ...honest, local: { ...honest.local, [name]: address } },
        );

        const ended = await add(held.options);

        expectError(ended, 5, new RegExp(`not a local run of this version: the field ${field} of its answer is`));
        expect({ address, received: held.received }).toEqual({ address, received: ["GET /_local/deployment"] });
        expect({ address, outside }).toEqual({ address, outside: [] });
      }
    },
  );

  it.each([
    ["stage", "dev; rm -rf /"],
    ["region", "eu\u001B[2J"],
    ["tableName", "x".repeat(257)],
    ["keyRotationFunctionArn", 42],
    ["rotateApiKeysEveryDays", "90"],
    ["corsOrigins", "*"],
    ["corsOrigins.1", ["https://a.test", "https://a\u009B2J"]],
    ["local", undefined],
  ])("with a %s that a terminal or a shell could misread, or of another type", async (field, value) => {
    const held = await holdPort(ends("{}"), (honest) => ({ ...honest, [field.split(".")[0] ?? ""]: value }));

    expectError(await add(held.options), 5, new RegExp(`: the field ${field} of its answer is missing or invalid\\.`));
    expect(held.received).toEqual(["GET /_local/deployment"]);
  });

  it.each<[string, RequestListener]>([
    ["a redirect", (_, to) => to.writeHead(307, { location: "http://192.0.2.1/_local/deployment" }).end()],
    ["a body without end", (_, to) => endless(to)],
    ["a list", ends("[]")],
    ["an error", (_, to) => to.writeHead(500).end("{}")],
  ])("that is %s", async (_, listener) => {
    const url = await serve(listener);

    expectError(await add(["--local-url", url]), 5, /is not a local run of this version/);
    expect(outside).toEqual([]);
  });
});

test("broker --local reads at most 64 KiB of the answer", async () => {
  const { options } = await holdPort(ends("{}"), (honest) => ({ ...honest, padding: "x".repeat(64 * 1024) }));

  expectError(await add(options), 5, /is not a local run of this version/);
});

describe("broker --local calls only this machine", () => {
  it.each(["http://evil.test:8787", "https://127.0.0.1:8787", "http://127.0.0.1@evil.test"])(
    "so --local-url must be on it: %s",
    async (url) => {
      expectError(await broker(["status", "--local-url", url]), 2, /--local-url must be the URL that npm start prints/);
      expect(outside).toEqual([]);
    },
  );

  it("and does not resolve localhost, which a hosts file may send elsewhere", async () => {
    const held = await holdPort(ends('{"connections":[]}'));

    const ended = await broker(["status", "--local-url", held.url.replace("127.0.0.1", "localhost")]);

    expect(ended.status).toBe(0);
    expect(outside).toEqual([]);
  });

  it("and follows no redirect of the API", async () => {
    const held = await holdPort(
      (_, to) => to.writeHead(307, { location: "http://192.0.2.1/" }).end(),
      (honest) => ({ ...honest, corsOrigins: ["http://127.0.0.1:8788"] }),
    );

    for (const command of ["token get acme", "token reject acme --token-file -", "status", "status acme", "doctor"]) {
      expect((await broker([...command.split(" "), ...held.options], { stdin: "fake-token" })).status).toBe(1);
    }
    expect(outside).toEqual([]);
  });

  it.each(["https://127.0.0.1.evil.test", "http://localhost:1"])(
    "and not the baseUrl of a registration that it reads there: %s",
    async (baseUrl) => {
      const held = await holdPort();
      const id = `read-${baseUrl.length}`;
      await register(id, { baseUrl });

      for (const args of [
        ["keys", "stage", id, "--key-file", "-", "--wait-for-schedule"],
        ["connections", "set", id, "--language", "de-DE"],
        ["connections", "add", `${id}-2`, "--file", "-"],
        ["doctor", "--probe", id, "--yes"],
      ]) {
        const stdin = args.includes("--file")
          ? JSON.stringify({ ...account(id), apiKey: "fake-key-2", baseUrl })
          : "fake-key-2";
        const ended = await broker([...args, ...held.options], { stdin });

        expectError(ended, 2, /With --local, broker calls only 127\.0\.0\.1 and \[::1\], and not /);
      }
      expect(outside).toEqual([]);
    },
  );

  it("and not the apiBaseUrl of a registration, with a token", async () => {
    const held = await holdPort();
    await register("api-elsewhere", { baseUrl: "http://127.0.0.1:1", apiBaseUrl: "https://evil.test" });

    const ended = await broker(["doctor", "--probe", "api-elsewhere", "--yes", ...held.options]);

    expectError(ended, 2, /and not evil\.test\. Probe it from a deployment/);
    expect(outside).toEqual([]);
  });

  it("and stores a connection of the real Smart Services without a call, with --skip-exchange", async () => {
    const held = await holdPort();
    const registration = {
      ...account("real"),
      apiKey: "fake-key-1",
      baseUrl: "https://tse.smart-api.teamsystem.cloud",
    };
    const command = ["connections", "add", "real", "--file", "-", "--skip-exchange", "--rotate-every-days", "0"];

    const { status, stdout } = await broker([...command, ...held.options], { stdin: JSON.stringify(registration) });

    expect(stdout).toMatch(/^Added real\. Its values are not verified/);
    expect(status).toBe(0);
    expect(outside).toEqual([]);
  });
});

describe("broker complete", () => {
  const offered = async (words: string[], last = "") => {
    const { stdout } = await brokerProcess(["complete", "--", ...words, last]);
    return [...stdout.matchAll(/^(.*)\t/gm)].map(([, word]) => word);
  };

  it("offers the ids of the connections where a command takes one, and no error", async () => {
    const held = await holdPort();
    await register("to-complete", {});
    const words: [string[], boolean][] = [
      [[...held.options, "token", "get"], true],
      [["logs", ...held.options, "--connection"], true],
      [["connections", "add", ...held.options], false],
      [["connections", "show", "--local-url", nowhere], false],
    ];

    for (const [typed, isOffered] of words) {
      expect({ typed, isOffered: (await offered(typed, "to-c")).includes("to-complete") }).toEqual({
        typed,
        isOffered,
      });
    }
  });
});

describe("broker --local calls the local run whatever the environment has:", () => {
  const list = '{"connections":[]}';

  it("AWS's variables and a profile with other endpoints", async () => {
    const held = await holdPort(ends(list));
    const config = join(mkdtempSync(join(tmpdir(), "aws-profile-")), "config");
    const services = "[services fake]\nsecrets_manager =\n  endpoint_url = http://192.0.2.1\n";
    writeFileSync(
      config,
      `[profile fake]\nendpoint_url = http://192.0.2.1\nservices = fake\nregion = us-east-1\n${services}`,
    );
    await register("listed", {});
    const elsewhere = "http://evil.test";

    const { status, stdout } = await broker(["connections", "list", ...held.options], {
      env: {
        AWS_CONFIG_FILE: config,
        AWS_PROFILE: "fake",
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL: elsewhere,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: elsewhere,
        AWS_EC2_METADATA_DISABLED: "false",
        AWS_CONTAINER_CREDENTIALS_FULL_URI: elsewhere,
      },
    });

    expect(outside).toEqual([]);
    expect(stdout).toContain("listed");
    expect(status).toBe(0);
  });

  it("a proxy", async () => {
    const held = await holdPort(ends(list));
    const proxied: string[] = [];
    const proxy = createServer((request) => void proxied.push(request.url ?? ""));
    proxy.on("connect", ({ url = "" }, socket) => {
      proxied.push(url);
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    const { url, close } = await listen(proxy);
    onTestFinished(close);
    const proxies = {
      HTTP_PROXY: url,
      http_proxy: url,
      HTTPS_PROXY: url,
      ALL_PROXY: url,
      NO_PROXY: "fake.test",
    };

    const { status } = await brokerProcess(["connections", "list", ...held.options], {
      env: { ...proxies, NODE_USE_ENV_PROXY: "1" },
    });

    expect(proxied).toEqual([]);
    expect(held.received).toEqual(["GET /_local/deployment", "GET /v1/status?limit=500"]);
    expect(status).toBe(0);
  });
});

describe("broker logs names the URL of the local run if it", () => {
  it.each<[string, RequestListener]>([
    ["is now a server that answers 200 with other JSON", ends('{"lines":[{}],"next":1}')],
    ["answers without end", (_, to) => endless(to)],
  ])("%s", async (_, answer) => {
    const held = await holdPort(answer);

    const ended = await broker(["logs", ...held.options]);

    expectError(
      ended,
      5,
      new RegExp(`The server at ${held.url} returned no log lines: it is not .* npm start, and set`),
    );
  });

  it("does not answer", async () => {
    const held = await holdPort(({ socket }) => socket.destroy());

    const ended = await broker(["logs", ...held.options]);

    expectError(
      ended,
      5,
      new RegExp(`The local run at ${held.url} does not answer\\. Start it with npm start, and set`),
    );
  });
});

test.each([
  ["status", "connections", "<html>fake</html>"],
  ["status acme", "connection", '{"connection":1}'],
  ["token get acme", "access_token", '{"access_token":"fake'],
  ["token reject acme --token-file -", "access_token", '{"access_token":1}'],
])("broker %s prints no answer of another server without %s, and names its URL: %s", async (command, member, body) => {
  const held = await holdPort(ends(body));

  const ended = await broker([...command.split(" "), ...held.options], { stdin: "fake-token" });

  expectError(
    ended,
    5,
    new RegExp(`^error: The answer of ${held.url} is not the broker's: it has no ${member}\\. .* --local-url`),
  );
});

test("broker connections list says that the answer is not one of AWS", async () => {
  const url = await serve((_, to) => to.end('{"fake'));
  const held = await holdPort(ends('{"connections":[]}'), (honest) => ({
    ...honest,
    local: { ...honest.local, secretsmanager: url },
  }));

  expectError(
    await broker(["connections", "list", ...held.options]),
    5,
    /^error: A response of an AWS service cannot be read/,
  );
});

test("broker names the URL of an API that breaks the connection", async () => {
  const held = await holdPort(({ socket }) => socket.destroy());

  const ended = await broker(["status", ...held.options]);

  expectError(
    ended,
    5,
    new RegExp(`^error: Cannot reach the API at ${held.url} \\(\\w+\\)\\. Check the network, --local-url`),
  );
});
