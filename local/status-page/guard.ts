import type { IncomingHttpHeaders } from "node:http";

/**
 * Whether a request comes from this machine's own use of the page: its Host is a loopback name (so no other name was
 * rebound to this address), and what changes something carries the page's own Origin (so no other site posted it).
 */
export function isOwn(method: string, { host, origin }: IncomingHttpHeaders, port: number): boolean {
  const hosts = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
  if (host === undefined || !hosts.includes(host)) return false;
  return method === "GET" || origin === `http://${host}`;
}
