import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { install } from "../examples/debian.ts";

declare module "vitest" {
  interface ProvidedContext {
    motoUrl: string;
  }
}

// Debian's own Python, because moto is a package of Debian. Another Python may come first on the PATH.
const python = "/usr/bin/python3";
const packages = ["python3-moto", "python3-flask-cors"];

/** Starts moto's server on a free port of 127.0.0.1 for all tests of the run. Returns what ends it. */
export default async function setup({ provide }: Pick<TestProject, "provide">): Promise<() => Promise<void>> {
  install(packages, isInstalled);
  const port = await freePort();
  const child = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    // Its standard output has a line for every request. Only its errors are useful.
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-2000)));
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, "exit");
  };
  const url = `http://127.0.0.1:${port}`;
  if (!(await answers(url, child))) {
    await end();
    throw new Error(`moto's server did not start: ${errors}`);
  }
  provide("motoUrl", url);
  return end;
}

const isInstalled = () => spawnSync(python, ["-c", "import moto.server"], { stdio: "ignore" }).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const response = await fetch(`${url}/moto-api/data.json`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return true;
    await pause(100);
  }
  return false;
}
