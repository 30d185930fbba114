import { once } from "node:events";
import type { CommandResult } from "../command.ts";
import { type Deployment, patience } from "../deployment/deployment.ts";
import { openUrl } from "../open/open.ts";
import { printOut } from "../../console/print.ts";
import { dashboardClients } from "./clients.ts";
import { deployedSource } from "./deployed-source.ts";
import { redirectFile } from "./redirect-file.ts";
import { startDashboardServer } from "./server.ts";

const advice =
  "If no page opens, paste the URL into your browser. Do not pass it on: who has it can read the page. Ctrl-C ends it.\n";

export interface DashboardOptions {
  /** False with `--no-open`. */
  open: boolean;
  json?: boolean;
}

/** Opens the page of a local run, or serves the page of a deployment until Ctrl-C. The page of a deployment changes nothing. */
export async function showDashboard(
  deployment: Deployment,
  _: string,
  { open, json = false }: DashboardOptions,
): Promise<CommandResult> {
  if (deployment.local) {
    const { text, json: page } = await openUrl(`${deployment.url}/`, open);
    return { text: `${text}The local run serves it until that ends.\n`, json: page };
  }
  const { region, credentials } = deployment;
  const clients = dashboardClients({ ...patience, region, credentials });
  const server = await startDashboardServer(deployedSource(deployment, clients, () => Date.now() / 1000));
  const file = redirectFile(server.url);
  const ended = Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));
  try {
    const opened = await openUrl(server.url, open, file.write);
    printOut(json ? `${JSON.stringify(opened.json)}\n` : `${opened.text}${advice}`);
    await ended;
  } finally {
    await Promise.all([file.remove(), server.close()]);
  }
  return { text: "", json: { closed: true } };
}
