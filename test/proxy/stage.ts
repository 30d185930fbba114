import { mkdtempSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type Dispatcher } from "undici";
import { onTestFinished } from "vitest";
import { callerKey } from "../../packages/client/src/index.ts";
import { listen } from "../../packages/client/src/proxy/listen.ts";
import { logTo } from "../../packages/client/src/proxy/report.ts";
import { type ProxyParts, proxyOf } from "../../packages/client/src/proxy/server.ts";
import { readSettings } from "../../packages/client/src/proxy/settings.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { fakeKey, startTokenServer } from "../client/servers.ts";
import { serve } from "../support/server.ts";

export interface Sent {
  method?: Dispatcher.HttpMethod;
  headers?: Record<string, string>;
  body?: Dispatcher.DispatchOptions["body"];
  signal?: AbortSignal;
}

export const newSocket = () => join(mkdtempSync(join(tmpdir(), "proxy-")), "proxy.sock");

/** A proxy in this process, on a Unix socket, that ends with its test. */
export async function startProxy(broker: string, more: Record<string, unknown> = {}, parts: Partial<ProxyParts> = {}) {
  const socket = newSocket();
  const given = { broker, connections: ["acme"], caller: "orders", ...(more["listen"] === undefined && { socket }) };
  const settings = readSettings({}, { path: "proxy.json", content: JSON.stringify({ ...given, ...more }) });
  const lines: Record<string, unknown>[] = [];
  const log = logTo((text) => lines.push(JSON.parse(text) as Record<string, unknown>));
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  const credential = callerKey("orders", fakeKey);
  const proxy = proxyOf({ settings, credential, runtime: systemRuntime, log, warn, ...parts });
  const { address, warning } = await listen(proxy.server, settings);
  const agent = new Agent(more["listen"] === undefined ? { connect: { socketPath: socket } } : {});
  onTestFinished(async () => {
    await agent.destroy();
    proxy.server.closeAllConnections();
    await proxy.stop();
  });
  const origin = more["listen"] === undefined ? "http://smart-services" : address;

  /** Sends a request with its path as it is. */
  const open = async (path: string, { method = "GET", headers = {}, body = null, signal }: Sent = {}) =>
    agent.request({ origin, path, method, headers, body, ...(signal && { signal }) });
  async function call(path: string, sent: Sent = {}) {
    const { statusCode: status, headers, body } = await open(path, sent);
    const bytes = Buffer.from(await body.arrayBuffer());
    const { code, detail } = (status >= 400 ? parse(bytes) : {}) as { code?: string; detail?: string };
    return { status, headers, bytes, text: bytes.toString(), problem: `${status} ${code}`, detail };
  }
  return {
    ...proxy,
    socket,
    address,
    warning,
    warnings,
    agent,
    open,
    call,
    lines,
    calls: () => lines.filter(({ message }) => message === "call"),
  };
}

const parse = (bytes: Buffer): object => {
  try {
    return JSON.parse(bytes.toString()) as object;
  } catch {
    return {};
  }
};

/** A proxy whose API is a listener, and whose broker issues `fake-token-1`, `fake-token-2` and so on. */
export async function startWithApi(
  listener: (...of: Parameters<RequestListener>) => unknown,
  more: Record<string, unknown> = {},
  parts: Partial<ProxyParts> = {},
) {
  const api = await serve((request, response) => void listener(request, response));
  const broker = await startTokenServer(() => `${api}/base`);
  return { broker, ...(await startProxy(broker.url, more, parts)) };
}
