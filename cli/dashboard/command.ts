import type { Command } from "commander";
import { examples, type OnDeployment } from "../command.ts";

/** `broker dashboard` */
export function dashboardCommand(root: Command, onDeployment: OnDeployment): void {
  examples(root.command("dashboard"), "dashboard", "dashboard --stage prod --no-open", "dashboard --local")
    .description("show all connections, requests and events on a page, until Ctrl-C")
    .option("--no-open", "print the URL and do not open a browser")
    .action(onDeployment(async () => (await import("./dashboard.ts")).showDashboard));
}
