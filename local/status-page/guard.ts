import type { IncomingHttpHeaders } from "node:http";

/**
 * Whether a request comes from this machine's own use of the page: its Host is a loopback name (so no other name was
 * rebound to this address), and what changes something carries the page's own Origin (so no other site posted it).
 */
export function isOwn(method: string, { host, origin }: IncomingHttpHeaders, port: number): boolean {
  return isOwnHost(host, port) && (method === "GET" || origin === `http://${host}`);
}

/** The same of what a program without a page uses too: an Origin is the own one, or there is none. */
export function isFromHere({ host, origin }: IncomingHttpHeaders, port: number): boolean {
  return isOwnHost(host, port) && (origin === undefined || origin === `http://${host}`);
}

function isOwnHost(host: string | undefined, port: number): boolean {
  const hosts = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
  return host !== undefined && hosts.includes(host);
}
