import { mkdtempSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type FunctionOptions, startFunction } from "../../local/lambda/function.ts";

// Each export is a separate function. All share the state of their environment.
const bundle = `
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

const environment = Math.random();
let served = 0;
let active = 0;
const entered = [];

const count = () => ({ environment, served: ++served });

export async function overlap({ milliseconds }) {
  active += 1;
  entered.push(active);
  await wait(milliseconds);
  active -= 1;
  return { ...count(), most: Math.max(...entered) };
}

export function act({ fault }, context) {
  switch (fault) {
    case "throws": throw new Error("fake fault");
    case "rejects": return Promise.reject(new Error("fake fault"));
    case "exits": return process.exit(3);
    case "fails outside of its promise": return new Promise(() => setTimeout(() => { throw new Error("fake fault") }));
    case "loops for ever": for (;;);
    case "never answers": return new Promise(() => setInterval(() => {}, 1000));
    case "uses up its memory": for (const hoard = []; ; ) hoard.push(new Array(10_000).fill(Math.random()));
  }
  return count();
}

export const variables = () => ({ ...process.env });
export const echo = (event, context) => ({ event, name: context.functionName, id: context.awsRequestId,
  left: context.getRemainingTimeInMillis() });
export const nothing = () => undefined;

export function print() {
  console.log('{"level":"INFO"}');
  console.error("to stderr");
}

export async function listen() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server.address().port;
}
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lambda-test-"));
  writeFileSync(join(folder, "index.mjs"), bundle);
  writeFileSync(join(folder, "broken.mjs"), 'throw new Error("fake fault at load");');
  writeFileSync(join(folder, "exits.mjs"), "process.exit(4);");
});

async function start(exported: string, options: Partial<FunctionOptions> = {}) {
  const lines: string[] = [];
  const started = await startFunction({
    name: "fake-function",
    folder,
    handler: `index.${exported}`,
    timeoutSeconds: 10,
    memoryMegabytes: 128,
    environment: {},
    onLog: (line) => lines.push(line),
    ...options,
  });
  onTestFinished(() => started.close());
  return { ...started, lines };
}

interface Served {
  environment: number;
  served: number;
  most?: number;
}

describe("execution environments", () => {
  it("keep their state from one invocation to the next", async () => {
    const { invoke } = await start("act");

    const first = (await invoke({})) as Served;
    const second = (await invoke({})) as Served;

    expect(first.served).toBe(1);
    expect(second).toEqual({ environment: first.environment, served: 2 });
  });

  it("are as many as parallel invocations, and serve one invocation at a time", async () => {
    const { invoke } = await start("overlap");

    const answers = await Promise.all([1, 2, 3].map(() => invoke({ milliseconds: 50 }) as Promise<Served>));

    expect(new Set(answers.map(({ environment }) => environment)).size).toBe(3);
    expect(answers.map(({ most }) => most)).toEqual([1, 1, 1]);
  });

  it("are new after a restart, which lets a running invocation end", async () => {
    const { invoke, restart } = await start("overlap", { maxEnvironments: 1 });
    const before = (await invoke({ milliseconds: 1 })) as Served;

    const running = invoke({ milliseconds: 50 }) as Promise<Served>;
    const waiting = invoke({ milliseconds: 1 }) as Promise<Served>;
    await restart();
    const after = (await invoke({ milliseconds: 1 })) as Served;

    expect((await running).environment).toBe(before.environment);
    expect(after).toMatchObject({ environment: (await waiting).environment, served: 2 });
    expect(after.environment).not.toBe(before.environment);
  });

  it("have the function's environment variables and no other", async () => {
    const { invoke } = await start("variables", { environment: { BROKER_STAGE: "dev" } });

    const variables = await invoke({});

    expect(variables).toEqual({ BROKER_STAGE: "dev" });
  });
});

describe("an invocation", () => {
  it("passes the event and a context", async () => {
    const { invoke } = await start("echo", { timeoutSeconds: 7 });

    const [one, other] = (await Promise.all([invoke({ a: [1] }), invoke({})])) as Record<string, unknown>[];

    expect(one).toMatchObject({ event: { a: [1] }, name: "fake-function" });
    expect(one?.["left"]).toBeGreaterThan(6000);
    expect(one?.["left"]).toBeLessThanOrEqual(7000);
    expect(one?.["id"]).not.toBe(other?.["id"]);
  });

  it("without a result returns null", async () => {
    const { invoke } = await start("nothing");

    expect(await invoke({})).toBeNull();
  });

  it.each(["throws", "rejects"])("that %s rejects, and its environment stays in use", async (fault) => {
    const { invoke } = await start("act");
    const before = (await invoke({})) as Served;

    await expect(invoke({ fault })).rejects.toThrow("fake-function failed: Error: fake fault");
    const after = await invoke({});

    expect(after).toEqual({ environment: before.environment, served: 2 });
  });

  it.each([
    ["exits", "exit code 3", {}],
    ["fails outside of its promise", "fake fault", {}],
    ["loops for ever", "timed out after 1 seconds", { timeoutSeconds: 1 }],
    ["never answers", "timed out after 1 seconds", { timeoutSeconds: 1 }],
    ["uses up its memory", "memory", { memoryMegabytes: 24 }],
  ])("that %s rejects, and a new environment serves the next", async (fault, message, options) => {
    const { invoke } = await start("act", { maxEnvironments: 1, ...options });
    const before = (await invoke({})) as Served;

    await expect(invoke({ fault })).rejects.toThrow(message);
    const after = (await invoke({})) as Served;

    expect(after.served).toBe(1);
    expect(after.environment).not.toBe(before.environment);
  });

  it("that waits gets a new environment if the invocation before it broke its own", async () => {
    const { invoke } = await start("act", { maxEnvironments: 1 });

    const answers = await Promise.allSettled([invoke({ fault: "exits" }), invoke({}), invoke({})]);

    expect(answers).toMatchObject([
      { status: "rejected" },
      { status: "fulfilled", value: { served: 1 } },
      { status: "fulfilled", value: { served: 2 } },
    ]);
  });
});

describe("log lines", () => {
  it("of stdout and stderr arrive one by one", async () => {
    const { invoke, lines } = await start("print");

    await invoke({});

    await vi.waitFor(() => expect(lines.toSorted()).toEqual(["to stderr", '{"level":"INFO"}']));
  });
});

describe("a bundle that cannot be loaded", () => {
  it.each([
    ["because it throws", "broken.handler", "fake fault at load"],
    ["because it exits", "exits.handler", "exit code 4"],
    ["because it does not export the handler", "index.handler", "fake-function exports no handler"],
    ["because there is none", "absent.handler", "absent.mjs"],
  ])("%s fails the start", async (_, handler, message) => {
    await expect(start("", { handler })).rejects.toThrow(message);
  });
});

describe("close", () => {
  it("ends every environment and its running work", async () => {
    const { invoke, close } = await start("listen");
    const ports = (await Promise.all([invoke({}), invoke({})])) as number[];

    await close();

    const refusals = ports.map(async (port) => {
      const [error] = await once(connect(port, "127.0.0.1"), "error").catch((fault: unknown) => [fault]);
      return (error as NodeJS.ErrnoException).code;
    });
    expect(await Promise.all(refusals)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
  });

  it("rejects running and waiting invocations", async () => {
    const { invoke, close } = await start("act", { maxEnvironments: 1 });
    const running = Promise.allSettled([invoke({ fault: "never answers" }), invoke({})]);

    await close();

    const answers = await running;
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
