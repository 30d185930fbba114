import { once } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { command, StartedCommand } from "./run-harness.ts";

// Each of these starts a whole run. run-connections.test.ts tests Ctrl-C during a request.
let run: StartedCommand | undefined;
afterEach(() => run?.remove());

function start(args: string[], program = command): StartedCommand {
  run = new StartedCommand(args, { command: program });
  return run;
}

/** Waits for the end of everything that was started, and says what it left. */
async function remains(of: StartedCommand) {
  const { status } = await of.ended();
  // The processes of one group do not end in the same instant.
  await vi.waitFor(() => expect(of.signalGroup(0)).toBe(false), 5000);
  return { status, temporaryFiles: of.temporaryFiles() };
}

describe("a signal ends npm start and leaves nothing behind:", () => {
  it("SIGINT during the synthesis, with status 0", async () => {
    const started = start(["--port", "0"]);
    await vi.waitFor(() => expect(started.temporaryFiles()).not.toEqual([]), { timeout: 30_000, interval: 5 });
    expect(started.stdout).toBe("");

    started.child.kill("SIGINT");

    expect(await remains(started)).toEqual({ status: 0, temporaryFiles: [] });
    expect(started.stdout + started.stderr).toBe("");
  });

  // The shell that npm starts ends by the signal, and so does npm: that is its status.
  it("SIGTERM to npm, which ends only the shell between them", async () => {
    const started = start(["--port", "0"], ["npm", "start", "--"]);
    await started.ready();

    started.child.kill("SIGTERM");

    expect(await remains(started)).toMatchObject({ temporaryFiles: [] });
    await expect(fetch(started.url("ready"))).rejects.toThrow("fetch failed");
  });

  it("SIGTERM, sent twice, during an outage and sweeps, with status 0", async () => {
    const started = start(["--port", "0", "--scenario", "outage", "--tick", "0.1"]);
    await started.ready();

    expect(started.stdout).toContain("The response (HTTP 503, token shortened):");
    // On a busy machine the embedded table can miss its timeout of 1 s: then the code is `unavailable`.
    expect(started.stdout).toMatch(/"code":"(upstream_)?unavailable"/);
    const sweeps = () => started.stderr.split("\n").filter((line) => line.includes('"message":"sweep"')).length;
    while (sweeps() < 2) await once(started.child.stderr ?? started.child, "data");

    started.child.kill("SIGTERM");
    started.child.kill("SIGTERM");

    expect(await remains(started)).toEqual({ status: 0, temporaryFiles: [] });
  });
});
