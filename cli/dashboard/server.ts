import { randomBytes } from "node:crypto";
import type { DashboardSource } from "../../dashboard/contract.ts";
import { serveDashboard } from "../../dashboard/serve.ts";
import { listenOnLoopback } from "../../console/loopback-server.ts";

/**
 * Serves the page on a free port of 127.0.0.1, below a random path: other users of this machine can reach the port, and
 * do not know the path. The guard checks the Host, `serveDashboard` the Origin. `url` ends with a slash.
 */
export async function startDashboardServer(
  source: DashboardSource,
): Promise<{ url: string; close: () => Promise<void> }> {
  const base = `/${randomBytes(16).toString("hex")}`;
  const page = serveDashboard(source, base);
  const { url, close } = await listenOnLoopback(
    (request, response) => {
      if (!page(request, response)) response.writeHead(404).end("Open the URL that broker dashboard printed.\n");
    },
    { pages: true },
  );
  return { url: `${url}${base}/`, close };
}
