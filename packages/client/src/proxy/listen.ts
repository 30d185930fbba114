import { once } from "node:events";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { type AddressInfo, connect, type ListenOptions } from "node:net";
import { type ProxySettings, SettingsError } from "./settings.ts";

/** Where the proxy listens, for `listen` and for a request. */
export function addressOf(settings: ProxySettings): { socketPath: string } | { host: string; port: number } {
  if (settings.socket !== undefined) return { socketPath: settings.socket };
  const [, host = "", port] = /^(.*):(\d+)$/.exec(settings.listen ?? "") ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/**
 * Listens where the settings say.
 *
 * @throws SettingsError
 */
export async function listen(server: Server, settings: ProxySettings): Promise<{ address: string; warning?: string }> {
  const address = addressOf(settings);
  if ("socketPath" in address) {
    await listenOnSocket(server, address.socketPath, settings.socketMode);
    return { address: address.socketPath };
  }
  await begin(server, address, `listen: ${settings.listen}`);
  const { port } = server.address() as AddressInfo;
  const url = `http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`;
  const isLoopback = /^(localhost|127\.[\d.]+|::1)$/.test(address.host);
  return isLoopback
    ? { address: url }
    : {
        address: url,
        warning: `${url} is plaintext: everyone on this network can read requests, answers and the secret.`,
      };
}

async function listenOnSocket(server: Server, path: string, mode: string): Promise<void> {
  if (isSocket(path)) {
    if (await isServed(path)) throw new SettingsError(`socket: another process listens on ${path}.`);
    unlinkSync(path);
  }
  // The socket has this mode from its first moment: `listen` creates it at once.
  const before = process.umask(0o177);
  try {
    await begin(server, { path }, `socket: ${path}`, () => process.umask(before));
  } finally {
    process.umask(before);
  }
  if (mode !== "0600") chmodSync(path, mode);
}

async function begin(server: Server, options: ListenOptions, name: string, begun = () => undefined as unknown) {
  const listening = once(server, "listening");
  server.listen(options);
  begun();
  try {
    await listening;
  } catch (error) {
    const { code } = error as { code?: string };
    throw new SettingsError(`${name} cannot be opened (${code}).${advice[code ?? ""] ?? ""}`);
  }
}

const advice: Record<string, string> = {
  // Of a socket, also for a folder that does not exist.
  EACCES: " The folder of a socket is missing, or this user may not listen here.",
  EADDRINUSE: " Another process uses it, or it is a file.",
  EINVAL: " A path has at most 107 bytes.",
};

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Whether a process listens on the socket. If not, one that has ended left it behind. */
async function isServed(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    // Any other failure is of a live one: its queue is full (EAGAIN), or its user is another one (EACCES).
    return (error as { code?: string }).code !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
