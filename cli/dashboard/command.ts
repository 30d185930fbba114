import type { Command } from "commander";
import { examples, type OnDeployment } from "../command.ts";

/** `broker dashboard` */
export function dashboardCommand(root: Command, onDeployment: OnDeployment): void {
  examples(root.command("dashboard"), "dashboard", "dashboard --stage prod --no-open", "dashboard --local")
    .description(
      "show all connections, requests and notices of the log on a page: of a deployment until Ctrl-C, of a local run until that ends",
    )
    .option("--no-open", "print the URL and do not open a browser")
    .action(onDeployment(async () => (await import("./dashboard.ts")).showDashboard));
}
