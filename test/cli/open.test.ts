import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { pageUrl } from "../../cli/open/open.ts";
import { broker } from "./harness.ts";

const deployed = { flags: " --stage prod", stage: "prod", region: "eu-south-1", partition: "aws" } as Deployment;
const local = { ...deployed, flags: " --local", url: "http://127.0.0.1:8787", local: {} } as Deployment;

test("broker open console is the CloudWatch dashboard of the deployment", () => {
  const page = "cloudwatch/home?region=eu-south-1#dashboards/dashboard/smart-token-broker-prod-eu-south-1";

  expect(pageUrl(deployed, "console")).toBe(`https://eu-south-1.console.aws.amazon.com/${page}`);
  expect(pageUrl({ ...deployed, partition: "aws-cn" }, "console")).toMatch(
    /^https:\/\/eu-south-1\.console\.amazonaws\.cn\//,
  );
});

test("broker open dashboard is the page of the local run", () => {
  expect(pageUrl(local, "dashboard")).toBe("http://127.0.0.1:8787/");
});

test("broker open names the page that there is instead", () => {
  expect(() => pageUrl(local, "console")).toThrow("Open its page: npx broker open dashboard --local");
  expect(() => pageUrl(deployed, "dashboard")).toThrow("a command of its own: npx broker dashboard --stage prod");
});

test("broker open runbook prints the URL of the page in this checkout, and needs no deployment", async () => {
  const { status, stdout } = await broker(["open", "runbook"]);

  expect(status).toBe(0);
  expect(existsSync(fileURLToPath(stdout.trim()))).toBe(true);
});
