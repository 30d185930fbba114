import type { Command } from "commander";
import type { OnDeployment } from "../command.ts";

/** `broker dashboard` */
export function dashboardCommand(root: Command, onDeployment: OnDeployment): void {
  root
    .command("dashboard")
    .description("show all connections, requests and events on a page, until Ctrl-C")
    .option("--no-open", "print the URL and do not open a browser")
    .action(onDeployment(async () => (await import("./dashboard.ts")).showDashboard));
}
