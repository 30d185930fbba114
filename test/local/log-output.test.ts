import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { logOutput, readable } from "../../local/log-output.ts";
import { describeRun } from "../../local/start-page.ts";
import { tmpdir } from "node:os";
import { hasPrograms } from "../support/programs.ts";
import { command, StartedCommand } from "./run-harness.ts";

const request = (connection: string) =>
  JSON.stringify({
    level: "INFO",
    message: "request",
    timestamp: "2026-11-24T10:00:00Z",
    route: "GET /v1/connections/{connection}/token",
    callerRole: "arn:aws:sts::123456789012:assumed-role/orders",
    status: 200,
    code: "ok",
    source: "memory",
    connection,
  });

/** A terminal, and what it shows. */
function terminal(isTTY = true) {
  const shown: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      shown.push(...chunk.toString().trimEnd().split("\n"));
      done();
    },
  });
  return { shown, stream: Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream };
}

describe.skipIf(!existsSync("/dev/full"))("the log of npm start with a --log-file on a full disk", () => {
  it("says so once, and goes to the terminal further", async () => {
    const { shown, stream } = terminal(false);
    const { show } = logOutput(stream, "/dev/full");

    show("one");
    await expect
      .poll(() => shown)
      .toContainEqual(expect.stringMatching(/^--log-file \/dev\/full: cannot be written \(ENOSPC\)\. The run/));
    show("two");
    await expect.poll(() => shown.at(-1)).toBe("two");

    expect(shown).toHaveLength(3);
  });
});

describe("the log of npm start on a terminal", () => {
  it("has a readable line for a request, and none for what repeats it", () => {
    expect(readable(request("webapicorso"), false)).toMatch(/200 +webapicorso +.*from memory.*orders/);
    expect(readable(JSON.stringify({ level: "INFO", message: "sweep" }), false)).toBeUndefined();
    expect(readable(JSON.stringify({ _aws: {}, Requests: 1 }), false)).toBeUndefined();
    expect(readable("createSecret failed: Error", false)).toBe("createSecret failed: Error");
  });

  it("has only failures and texts of the run until it is ready", () => {
    const { stream, shown } = terminal();
    const { show, ready } = logOutput(stream);

    show(request("before"));
    show(JSON.stringify({ level: "WARN", message: "replacement_failed", connection: "before", reason: "Fake." }));
    show("Port 9787 is in use");
    ready();
    show(request("after"));

    expect(shown).toEqual([
      expect.stringMatching(/ before {2}replacement failed/),
      "Port 9787 is in use",
      expect.stringMatching(/ after {2}GET /),
    ]);
  });

  it.each([true, false])("shows control characters of a line, and does not obey them: on a terminal %s", (isTTY) => {
    const { stream, shown } = terminal(isTTY);
    const { show, ready } = logOutput(stream);
    ready();

    show(request("fake\u001B]52;c;ZmFrZQ==\u0007\u009B31m"));
    show("fake failed: \u001B[2J\u009B31m");

    expect(shown).toHaveLength(2);
    for (const line of shown) {
      expect(line).toContain(String.raw`\u009b31m`);
      // The colours of the terminal's lines are the run's own.
      expect(line.replace("\u001B[32m", "").replace("\u001B[39m", "")).not.toMatch(/\p{Cc}/u);
    }
    if (!isTTY)
      expect(JSON.parse(shown[0] ?? "")).toMatchObject({ connection: "fake\u001B]52;c;ZmFrZQ==\u0007\u009B31m" });
  });

  it("is the functions' own JSON elsewhere", () => {
    const { stream, shown } = terminal(false);
    const { show, ready } = logOutput(stream);
    ready();

    for (let at = 0; at < 20; at += 1) show(request("webapicorso"));

    expect(shown).toEqual(Array.from({ length: 20 }, () => request("webapicorso")));
  });
});

describe("the commands that npm start prints", () => {
  const running = {
    url: "http://127.0.0.1:8787",
    region: "eu-south-1",
    callers: [{ accessKeyId: "LOCALORDERS", secretAccessKey: "local-orders-secret", userArn: "", allow: [] }],
    simulator: { url: "http://127.0.0.1:2" } as Parameters<typeof describeRun>[0]["simulator"],
    origins: [],
    dynamoDbUrl: "",
    secretsManagerUrl: "",
    eventBridgeUrl: "",
    issuerUrl: "",
  };

  it.each([
    ["win32", "curl.exe "],
    ["linux", "curl "],
  ] as const)("have no single quotes and no backslashes, and start on %s with %s", (platform, start) => {
    const lines = describeRun(running, {}, "webapicorso", undefined, platform);

    const commands = lines.filter((line) => line.startsWith("  "));
    expect(commands).toHaveLength(3);
    for (const each of commands) {
      expect(each.trim().startsWith(start)).toBe(true);
      expect(each).not.toMatch(/['\\$`%^]/);
    }
  });

  it("come with a warning of a rule of --callers without the scope", () => {
    const calls = ["/api/v1/{scope}/CO/*", "/api/v1/CO/*"].map((path) => ({ methods: ["GET"], path }));
    const callers = [{ name: "agent", connections: ["acme"], keySha256: ["a".repeat(64)], calls }];

    const lines = describeRun(running, { callers }, "webapicorso", undefined).join("\n");

    expect(lines).toMatch(/\nwarning: callers: .* no \{scope\}: 1 \(agent \/api\/v1\/CO\/\*\)\. /);
  });
});

describe("npm start", () => {
  let run: StartedCommand | undefined;
  afterEach(() => run?.remove());

  it("appends the functions' lines to --log-file, admits pages of --origin, and applies --profile at once", async () => {
    const log = join(mkdtempSync(join(tmpdir(), "log-output-")), "broker.log");
    const options = ["--log-file", log, "--origin", "http://localhost:5173", "--profile", "FILE"];
    run = new StartedCommand(["--port", "0", ...options], { file: '{"lifetime": 28800, "shape": "data"}' });
    const url = await run.ready();

    const preflightOf = (origin: string) =>
      fetch(`${url}/oauth/token`, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
    const preflight = await preflightOf("http://localhost:5173");
    await preflightOf("http://localhost:8799");

    expect(run.stdout).toContain("origins http://127.0.0.1:8788 http://localhost:5173\n");
    expect(preflight.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
    expect(run.stdout).toMatch(/"expires_in":28[78]\d\d,/);
    // The last line may be written after the URLs are printed.
    await vi.waitFor(() => {
      const lines = readFileSync(log, "utf8").trimEnd().split("\n");
      const written = lines.map((line) => JSON.parse(line) as { message?: string; reason?: string });
      expect(written).toContainEqual(expect.objectContaining({ message: "request" }));
      const rejected = written.filter(({ message }) => message === "origin_rejected");
      expect(rejected.map(({ reason }) => reason)).toEqual(["http://localhost:8799"]);
    });
  });

  it.skipIf(process.platform === "win32" || !hasPrograms("python3"))(
    "in a terminal says at once that it starts, then shows its URLs as one block, without a line of the log",
    async () => {
      const terminalOf = ["python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"];
      run = new StartedCommand(["--port", "0"], { command: [...terminalOf, ...command] });
      while (!/ready http\S+\r\n/.test(run.stdout))
        await new Promise((resolve) => run?.child.stdout?.once("data", resolve));

      expect(run.stdout).toMatch(/^Starting\.[^\n]*\ndynamodb http/);
      expect(run.stdout).not.toMatch(/200 +webapicorso/);
      expect(run.stdout).not.toContain('{"level"');
    },
  );
});
