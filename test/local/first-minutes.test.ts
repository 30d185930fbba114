import { type ChildProcess, execFileSync, execSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// What a newcomer types, in the shell of this system: cmd on Windows. No other test starts npm in it.
const isWindows = process.platform === "win32";
const root = join(import.meta.dirname, "../..");

let child: ChildProcess;
let printed = "";

beforeAll(async () => {
  const ready = Promise.withResolvers<void>();
  child = spawn("npm start -- --port 0", {
    cwd: root,
    shell: true,
    detached: !isWindows,
    stdio: ["ignore", "pipe", "ignore"],
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    if (/^ready \S+\r?\n/m.test(printed)) ready.resolve();
  });
  child.on("exit", (code) => ready.reject(new Error(`npm start ended with ${code}: ${printed}`)));
  await ready.promise;
}, 120_000);

afterAll(async () => {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  if (isWindows) execFileSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
  else process.kill(-(child.pid ?? 0), "SIGINT");
  await ended;
});

describe("npm start in the shell of this system", () => {
  it("prints commands that get a token or make a call when they are pasted", () => {
    const commands = printed.split(/\r?\n/).filter((line) => /^ {2}curl/.test(line));

    const answers = commands.map(
      (command) => JSON.parse(execSync(command, { encoding: "utf8", stdio: "pipe" })) as object,
    );

    expect(answers).toEqual([
      expect.objectContaining({ token_type: "Bearer", access_token: expect.stringMatching(/^eyJ/) }),
      expect.objectContaining({ access_token: expect.stringMatching(/^eyJ/) }),
      { ok: true, scope: "webapicorso_alywebapicorso", path: "/api/v1/webapicorso_alywebapicorso/CO/Customers" },
    ]);
  });

  it("serves the page with its modules", async () => {
    const [, url = ""] = /^ready (\S+)/m.exec(printed) ?? [];

    const [page, script] = [await fetch(`${url}/`), await fetch(`${url}/_dashboard/page.js`)];

    expect([page.status, script.status]).toEqual([200, 200]);
    expect(script.headers.get("content-type")).toContain("text/javascript");
  });
});
