import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CommandResult } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { isJson } from "../terminal/json.ts";

export const pages = ["console", "dashboard", "runbook"] as const;
export type Page = (typeof pages)[number];

/** Consoles of AWS by partition. */
const consoles: Record<string, string> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

/** The URL of the runbook in this checkout. */
export const runbookUrl = () => pathToFileURL(join(import.meta.dirname, "../../docs/runbook.md")).href;

/**
 * The URL of a deployment's page: its dashboard in the AWS console, or the page of a local run.
 *
 * @throws CommandError if it has no such page
 */
export function pageUrl(deployment: Deployment, page: Exclude<Page, "runbook">): string {
  const { local, url, stage, region, partition } = deployment;
  if (local) {
    if (page === "dashboard") return `${url}/`;
    throw new CommandError(
      "usage",
      `A local run has no AWS console. Open its page: ${brokerCommand(deployment, "open dashboard")}`,
    );
  }
  if (page === "dashboard") {
    throw new CommandError(
      "usage",
      `The page of a deployment runs with a command of its own: ${brokerCommand(deployment, "dashboard")}`,
    );
  }
  const host = consoles[partition] ?? consoles["aws"];
  const dashboard = `smart-token-broker-${stage}-${region}`;
  return `https://${region}.${host}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard}`;
}

/**
 * Opens a URL in the browser if a person is at a terminal, and prints it.
 *
 * @param target what the browser gets: every user of the machine can read it. Default: the URL
 */
export async function openUrl(
  url: string,
  browser: boolean,
  target: () => Promise<string> | string = () => url,
): Promise<CommandResult> {
  if (browser && process.stdout.isTTY && !isJson()) {
    const { default: open } = await import("open");
    // Without a browser, or a place for its file, the printed URL is what remains.
    await (async () => open(await target()))().catch(() => undefined);
  }
  return { text: `${url}\n`, json: { url } };
}
