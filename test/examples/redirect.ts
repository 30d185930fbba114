import { expect } from "vitest";
import { startServer, startTokenServer } from "../client/servers.ts";

/**
 * Tests that a client fails if the broker redirects it, whatever the response says, and that the other server gets nothing:
 * no credential. After a 302, libraries send the headers alone, after a 307 the body too.
 */
export async function failsAtRedirect(ask: (host: string) => Promise<unknown>): Promise<void> {
  const other = await startTokenServer(() => "http://127.0.0.1:9");
  const token = { access_token: "fake-token-1", token_type: "Bearer", expires_in: 3600, scope: "fake-scope" };
  for (const status of [302, 307]) {
    const broker = await startServer((_, response) => {
      // A page may read the response too.
      response.writeHead(status, { location: `${other.url}/token`, "access-control-allow-origin": "*" });
      response.end(JSON.stringify(token));
    });

    await expect(ask(broker.url), `HTTP ${status}`).rejects.toThrow();

    expect([status, broker.received.length, other.received]).toEqual([status, 1, []]);
  }
}
