import { once } from "node:events";
import type { CommandResult } from "../command.ts";
import { type Deployment, patience } from "../deployment/deployment.ts";
import { openUrl } from "../open/open.ts";
import { printOut } from "../terminal/print.ts";
import { dashboardClients } from "./clients.ts";
import { deployedSource } from "./deployed-source.ts";
import { startDashboardServer } from "./server.ts";

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
  const opened = await openUrl(server.url, open);
  printOut(json ? `${JSON.stringify(opened.json)}\n` : `${opened.text}Ctrl-C ends it.\n`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await server.close();
  return { text: "", json: { closed: true } };
}
