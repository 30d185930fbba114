import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { audit, command, operator, orders, output, region, StartedCommand } from "./run-harness.ts";
import { hasPrograms } from "../support/programs.ts";

let run: StartedCommand;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
});
afterAll(() => run.remove());

describe("the output of npm start", () => {
  it("has the URLs, a curl to try, its response with a shortened token, and ready as the last line", () => {
    const url = "http://127\\.0\\.0\\.1:[0-9]+";
    const form = [
      `dynamodb ${url}`,
      `secretsmanager ${url}`,
      `eventbridge ${url}`,
      `simulator ${url}`,
      `issuer ${url}`,
      "origins http://127\\.0\\.0\\.1:8788",
      "",
      "Get a token:",
      `  curl --aws-sigv4 "aws:amz:eu-south-1:execute-api" --user LOCALORDERS:local-orders-secret ${url}/v1/connections/webapicorso/token`,
      "",
      "Get a token with the vendor's API \\(only the host and the credential differ\\):",
      `  curl ${url}/api/v1/auth/token --form-string "username=admin_webapicorso" --form-string "scope=webapicorso_alywebapicorso" --form-string "token=Bearer stb_[\\w-]{43}"`,
      "",
      "The response \\(HTTP 200, token shortened\\):",
      '  {"access_token":"[\\w-]{12}…","token_type":"Bearer",.*}',
      "",
      `Watch it in a browser, and simulate failures of Smart Services: ${url}/`,
      "",
      `ready ${url}`,
      "",
    ];

    expect(run.stdout.split("\n")).toEqual(form.map((line) => expect.stringMatching(new RegExp(`^${line}$`))));
  });

  it("comes as one block after the log lines of the first request", async () => {
    const both = new StartedCommand(["--port", "0"], { command: ["sh", "-c", 'exec "$0" "$@" 2>&1', ...command] });
    onTestFinished(() => both.remove());
    const url = await both.ready();

    const lines = both.stdout.trimEnd().split("\n");
    const start = lines.findIndex((line) => line.startsWith("dynamodb "));
    expect(lines.slice(0, start).filter((line) => line.includes('"message":"request"'))).toHaveLength(1);
    expect(lines.slice(start).filter((line) => line.startsWith("{"))).toEqual([]);
    expect(lines.at(-1)).toBe(`ready ${url}`);
  });

  it("has no token and no key, and neither has the log", async () => {
    const client = new SecretsManagerClient({ endpoint: run.url("secretsmanager"), region, credentials: operator });
    const id = { SecretId: "smart-token-broker/dev/webapicorso" };
    const { SecretString = "" } = await client.send(new GetSecretValueCommand(id));
    const { apiKey = "" } = JSON.parse(SecretString) as { apiKey?: string };
    const { body } = await run.token("webapicorso");

    const printed = run.stdout + run.stderr;

    const secret = [apiKey, String(body["access_token"])].flatMap((jwt) => jwt.split(".").slice(1));
    expect(secret.length).toBeGreaterThanOrEqual(4);
    for (const part of secret.filter((each) => each.length > 8)) expect(printed).not.toContain(part);
  });

  it("has the log of the functions on stderr only", async () => {
    const { headers } = await run.token("webapicorso");
    const requestId = headers.get("apigw-requestid");

    while (!run.stderr.includes(`"requestId":"${requestId}"`)) await once(run.child.stderr ?? run.child, "data");

    const lines = run.stderr.trimEnd().split("\n");
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => "object"));
    expect(run.stdout).not.toContain("requestId");
  });
});

describe("a token", () => {
  it.skipIf(!hasPrograms("curl")).each([
    ["signed", 0],
    ["of the vendor's API", 1],
  ])("is the result of the printed curl %s, run in a shell", async (_, at) => {
    const line = run.stdout.split("\n").filter((each) => each.startsWith("  curl "))[at] ?? "";

    const answer = JSON.parse(await output("bash", ["-c", line])) as object;

    expect(answer).toMatchObject({ token_type: "Bearer", scope: "webapicorso_alywebapicorso" });
    expect(line).not.toContain("'");
  });

  it("is accepted by Smart Services", async () => {
    const { status, body, headers } = await run.token("webapicorso");

    const use = await fetch(`${String(body["api_base_url"])}/api/v1/${String(body["scope"])}/CO/Customers`, {
      headers: { authorization: `Bearer ${String(body["access_token"])}` },
    });
    expect([status, use.status]).toEqual([200, 200]);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it.each(["?min_ttl=0", "?min_ttl=1800", "?unknown=1"])("is returned with %s", async (query) => {
    expect(await run.token("webapicorso", query)).toMatchObject({ status: 200, body: { generation: 1 } });
  });

  it.each(["?min_ttl=1801", "?min_ttl=-1", "?min_ttl=1.5", "?min_ttl=", "?min_ttl=1e2"])(
    "is rejected with %s, and the detail names the field",
    async (query) => {
      const { status, body, headers } = await run.token("webapicorso", query);

      expect({ status, body }).toMatchObject({ status: 400, body: { code: "invalid_request" } });
      expect(body["detail"]).toContain("min_ttl");
      expect(headers.get("content-type")).toBe("application/problem+json");
    },
  );

  it.each(["Webapicorso", "%77ebapicorso", "-webapicorso"])(
    "is not returned for the spelling %s",
    async (connection) => {
      expect(await run.token(connection)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    },
  );

  it("is not returned to a caller that may only read the status", async () => {
    expect(await run.token("webapicorso", "", audit)).toMatchObject({ status: 403, text: '{"message":"Forbidden"}' });
  });

  it("is not returned to a caller with a wrong secret", async () => {
    const impostor = { ...orders, secretAccessKey: "fake-wrong-secret" };

    expect(await run.token("webapicorso", "", impostor)).toMatchObject({ status: 403 });
  });

  it("is not returned for a request without a signature", async () => {
    const response = await fetch(run.tokenUrl("webapicorso"));

    expect([response.status, await response.text()]).toEqual([403, '{"message":"Forbidden"}']);
  });
});

describe("the process", () => {
  it.skipIf(!existsSync("/proc/net/tcp"))("listens on loopback only, at the printed URLs", () => {
    const printed = ["dynamodb", "secretsmanager", "eventbridge", "simulator", "issuer", "ready"].map(
      (word) => new URL(run.url(word)).host,
    );

    expect(listeners(run.child.pid ?? 0).toSorted()).toEqual(printed.toSorted());
  });
});

/** Where a process listens, as `address:port`; IPv6 addresses as the kernel writes them. */
function listeners(pid: number): string[] {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`/proc/${pid}/fd/${fd}`)));
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === "0A" && sockets.has(`socket:[${inode}]`))
      .map(([, local = ""]) => {
        const [address = "", port = ""] = local.split(":");
        const bytes = address.match(/../g)?.toReversed() ?? [];
        const readable = bytes.length === 4 ? bytes.map((byte) => Number.parseInt(byte, 16)).join(".") : address;
        return `${readable}:${Number.parseInt(port, 16)}`;
      }),
  );
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed between the listing and now.
    return "";
  }
}
