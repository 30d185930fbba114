import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { dashboardClients } from "../../cli/dashboard/clients.ts";
import { deployedSource } from "../../cli/dashboard/deployed-source.ts";
import { findLocal } from "../../cli/deployment/find-local.ts";
import type { DashboardData } from "../../dashboard/contract.ts";
import { asker } from "../status/page-harness.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { healthyAccount } from "./account-stand-in.ts";
import { awsEnvironment, stacksOf, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, brokerInTerminal, LocalBroker } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const local = new LocalBroker();
let aws: StandIn;
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
let child: ChildProcess;
/** The URL that the command printed. */
let url: URL;

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const line = (seconds: number, level: string, message: string, fields: object) =>
  JSON.stringify({ level, message, timestamp: ago(seconds), service: "token-rotation", ...fields });

beforeAll(async () => {
  await local.start();
  await local.run.token("webapicorso");
  aws = { stacks: {}, logRequests: [] };
  standIn = await startAwsStandIn(aws);
  aws.stacks = await stacksOf(local.run.url("ready"));
  aws.resources = ["TokenLogs1", "TokenRotationLogs1", "TokenRotation1", "AccessLogs1"].map((LogicalResourceId) => ({
    LogicalResourceId,
    PhysicalResourceId: `fake-${LogicalResourceId}`,
    ResourceType: LogicalResourceId.includes("Logs") ? "AWS::Logs::LogGroup" : "AWS::Lambda::Function",
  }));
  aws.account = {
    ...healthyAccount(),
    valuesAt: {
      at: Math.floor(Date.now() / 1000) - 300,
      values: {
        "token Requests ok memory": 90,
        "oauth Requests ok table": 9,
        "token Requests upstream_unavailable none": 1,
        "oauth Requests invalid_client none": 2,
        "calls Requests api_4xx api": 6,
        "token ValidityMissed ok memory": 3,
        "token-rotation UpstreamCalls any refresh_token": 4,
        "token-rotation ReplacementFailures upstream_unavailable none": 5,
      },
    },
  };
  aws.logLines = [
    line(120, "WARN", "replacement_failed", {
      connection: "webapicorso",
      code: "upstream_unavailable",
      reason: "HTTP 503.",
    }),
    line(60, "INFO", "api_key_rotated", { connection: "webapicorso", keyFingerprint: "0123456789abcdef" }),
  ];
  child = spawn(process.execPath, ["cli/broker.ts", "dashboard", "--no-open"], { cwd: root, env: environment() });
  const [printed] = (await once(child.stdout ?? child, "data")) as [Buffer];
  url = new URL(printed.toString().split("\n")[0] ?? "");
});
afterAll(async () => {
  child.kill("SIGTERM");
  if (child.exitCode === null) await once(child, "exit");
  await standIn.close();
  await local.remove();
});

const environment = () => ({
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  AWS_CONFIG_FILE: "/nonexistent/config",
  AWS_SHARED_CREDENTIALS_FILE: "/nonexistent/credentials",
  ...awsEnvironment(standIn.url),
  AWS_ENDPOINT_URL_SECRETS_MANAGER: local.run.url("secretsmanager"),
});

const ask: ReturnType<typeof asker> = (path, of) => asker(Number(url.port))(`${url.pathname}${path}`, of);
const read = async () => (await ask("_dashboard/data?range=7200")).json() as unknown as DashboardData;

describe("broker dashboard on a deployment", () => {
  it("shows the status that the API returns, with commands for this deployment", async () => {
    const { connections, source, problems, controls } = await read();

    expect(connections).toMatchObject([
      {
        connection: "webapicorso",
        state: "fresh",
        commands: expect.arrayContaining(["npx broker status webapicorso"]),
        rotation: { isOn: true, nextAt: expect.any(Number) },
      },
    ]);
    expect(source).toMatchObject({ kind: "deployment", name: "stage dev · eu-south-1, read-only" });
    expect([problems, controls]).toEqual([[], undefined]);
  });

  it("shows the traffic from CloudWatch's metrics", async () => {
    const { traffic } = await read();

    const total = (of: "memory" | "table" | "api" | "failed" | "refused" | "missed" | "calls" | "callsFailed") =>
      traffic?.steps.reduce((sum, step) => sum + step[of], 0);
    expect([total("memory"), total("table"), total("api"), total("failed"), total("refused")]).toEqual([
      90, 9, 6, 1, 2,
    ]);
    expect([total("missed"), total("calls"), total("callsFailed")]).toEqual([3, 4, 5]);
    expect(traffic?.errors).toEqual({ upstream_unavailable: 1, invalid_client: 2, api_4xx: 6 });
  });

  it("shows the events from the functions' logs, newest first, and no past that nobody asked for", async () => {
    const { events, connections } = await read();

    expect(events?.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["api_key_rotated", "replacement_failed"]));
    expect(events?.[0]?.kind).toBe("api_key_rotated");
    expect(connections[0]).not.toHaveProperty("past");
    const requests = aws.logRequests ?? [];
    expect(new Set(requests.map(({ operation }) => operation))).toEqual(new Set(["FilterLogEvents"]));
    expect(new Set(requests.map((request) => request["logGroupName"]))).toEqual(
      new Set(["fake-TokenLogs1", "fake-TokenRotationLogs1"]),
    );
  });

  it("shows the past of one connection after one query, and says how much that scanned", async () => {
    aws.found = {
      lines: [
        line(5000, "INFO", "replaced", {
          connection: "webapicorso",
          generation: 7,
          by: "api_key",
          remainingSeconds: 3600,
        }),
        line(4000, "WARN", "replacement_failed", { connection: "webapicorso", code: "upstream_unavailable" }),
      ],
      statuses: ["Running", "Complete"],
    };

    const { body } = await ask("_dashboard/past", { post: { connection: "webapicorso" } });

    expect(JSON.parse(body)).toEqual({
      message: "webapicorso: in 3 hours 1 token and 1 failed attempt. The query scanned 12.3 MB.",
    });
    const [query, ...others] = (aws.logRequests ?? []).filter(({ operation }) => operation === "StartQuery");
    expect(others).toEqual([]);
    expect(query?.["queryString"]).toContain('connection = "webapicorso"');
    const { connections } = await read();
    expect(connections[0]?.past).toMatchObject({
      tokens: [{ generation: 7 }],
      attempts: [{ code: "upstream_unavailable" }],
    });
  });

  it.each([{ connection: 'a" or 1' }, { connection: 1 }, {}])("queries nothing for an invalid id: %j", async (post) => {
    const before = aws.logRequests?.length;

    const { status, body } = await ask("_dashboard/past", { post });

    expect([status, body]).toEqual([409, '{"message":"Invalid connection id."}']);
    expect(aws.logRequests).toHaveLength(before ?? 0);
  });

  it("changes nothing: it has no other action", async () => {
    const actions = ["scenario", "lifetime", "replace", "token", "rotation"];

    const statuses = await Promise.all(
      actions.map(async (name) => (await ask(`_dashboard/${name}`, { post: {} })).status),
    );

    expect(statuses).toEqual(actions.map(() => 404));
  });

  it.each([
    ["without the token in its path", "/", {}, 404],
    ["with another token", `/${"0".repeat(32)}/_dashboard/data`, {}, 404],
    ["with a foreign Host", "/TOKEN/_dashboard/data", { host: "evil.test" }, 403],
    ["with a foreign Origin", "/TOKEN/_dashboard/data", { origin: "https://evil.test" }, 403],
  ])("answers nothing to a request %s", async (_, path, headers, status) => {
    const answer = await asker(Number(url.port))(path.replace("/TOKEN/", url.pathname), { headers });

    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain("webapicorso");
  });

  it("listens on loopback, at a random path", () => {
    expect(url.hostname).toBe("127.0.0.1");
    expect(url.pathname).toMatch(/^\/[0-9a-f]{32}\/$/);
  });
});

// Elsewhere no environment variable names the browser.
it.skipIf(process.platform !== "linux")(
  "broker dashboard opens the page through a file of its user: no argument of the opener or the browser has its path",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
    const browserPath = join(folder, "browser");
    const script = [
      "#!/bin/sh",
      `cd ${folder}`,
      'tr "\\0" "\\n" < /proc/$PPID/cmdline > arguments',
      'echo "$@" >> arguments',
      'stat --format %a "$1" "$(dirname "$1")" > modes',
      'cp "$1" page.html',
      "kill -TERM $(cut -d ' ' -f 4 /proc/$PPID/stat)",
    ];
    writeFileSync(browserPath, script.join("\n"), { mode: 0o755 });
    const written = (name: string) => readFileSync(join(folder, name), "utf8");

    const { output } = await brokerInTerminal(["dashboard"], [], {
      ...environment(),
      TMPDIR: folder,
      BROWSER: browserPath,
    });

    const [printed = "no URL"] = /http:[^\s]+/.exec(output) ?? [];
    expect(output).toContain("Do not pass it on");
    expect(written("page.html")).toContain(`content="0; url=${printed}"`);
    expect(written("arguments")).toMatch(/\/dashboard\.html\n$/);
    expect(written("arguments")).not.toContain(new URL(printed).pathname);
    expect(written("modes")).toBe("600\n700\n");
    expect(readdirSync(folder).filter((name) => name.startsWith("broker-"))).toEqual([]);
  },
);

it("broker dashboard serves its page, and prints the URL, where it cannot write a file", async () => {
  const { status, output } = await brokerInTerminal(["dashboard"], [["Ctrl-C ends it.", "\u0003"]], {
    ...environment(),
    TMPDIR: "/dev/null",
  });

  expect([status, output]).toEqual([0, expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\//m)]);
});

describe("broker dashboard on a local run", () => {
  it("names the page of the local run, and says until when it is there, as its help does", async () => {
    const { status, stdout } = await broker(["dashboard", "--no-open", ...local.options]);
    const help = await broker(["dashboard", "--help"]);

    expect([status, stdout]).toEqual([0, `${local.run.url("ready")}/\nThe local run serves it until that ends.\n`]);
    expect(help.stdout.replaceAll(/\s+/g, " ")).toContain(
      "of a deployment until Ctrl-C, of a local run until that ends",
    );
  });

  it("prints only JSON with --json", async () => {
    const { stdout } = await broker(["dashboard", "--json", ...local.options]);

    expect(JSON.parse(stdout)).toEqual({ url: `${local.run.url("ready")}/` });
  });
});

it("the page of a deployment shows what it can read, and says in a sentence each what it cannot", async () => {
  const nowhere = "http://127.0.0.1:1";
  vi.stubEnv("AWS_ENDPOINT_URL", nowhere);
  onTestFinished(() => void vi.unstubAllEnvs());
  const deployment = await findLocal(local.run.url("ready"));
  const clients = dashboardClients({ ...emulatorConfig(nowhere), maxAttempts: 1 });

  const { connections, problems, traffic, events } = await deployedSource(deployment, clients, () => 0).read(600);

  expect(connections).toMatchObject([{ connection: "webapicorso" }]);
  expect(problems).toEqual([
    expect.stringMatching(/^The metrics are not available: Cannot reach the server/),
    expect.stringMatching(/^The notices are not available: /),
  ]);
  expect([traffic, events]).toEqual([undefined, []]);
});
