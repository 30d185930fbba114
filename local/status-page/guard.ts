import type { IncomingHttpHeaders } from "node:http";

/**
 * Whether a request comes from the page itself: its Host is a loopback name (no DNS rebinding), and a request that
 * changes something has the page's own Origin (no other site sent it).
 */
export function isOwn(method: string, { host, origin }: IncomingHttpHeaders, port: number): boolean {
  return isOwnHost(host, port) && (method === "GET" || origin === `http://${host}`);
}

/** The same for a route that programs use too: the Origin is the own one or absent. */
export function isFromHere({ host, origin }: IncomingHttpHeaders, port: number): boolean {
  return isOwnHost(host, port) && (origin === undefined || origin === `http://${host}`);
}

function isOwnHost(host: string | undefined, port: number): boolean {
  const hosts = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
  return host !== undefined && hosts.includes(host);
}
