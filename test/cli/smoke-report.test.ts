import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { program } from "../../cli/program.ts";
import { answer, asExpected } from "../../cli/smoke/check.ts";

const deployment: Partial<Deployment> = {
  url: "https://fake1api.execute-api.eu-west-1.amazonaws.com",
  accountId: "123456789012",
  apiId: "fake1api",
};
const target = { deployment: deployment as Deployment, connection: "customer-7" as ConnectionId };

test.each([
  [
    "User: arn:aws:sts::123456789012:assumed-role/Admin/jo@example.com is not authorized",
    "User: ARN is not authorized",
  ],
  ["account 210987654321, user jo@example.com", "account ACCOUNT, user EMAIL"],
  ["GET /v1/connections/customer-7/token of fake1api", "GET /v1/connections/CONNECTION/token of API"],
  ["smart-token-broker/dev/customer-8", "smart-token-broker/dev/SECRET"],
  ["connect ECONNREFUSED 10.1.2.3:3128", "connect ECONNREFUSED HOST"],
  [
    "Could not resolve credentials using profile: [big-customer]",
    "Could not resolve credentials using profile: PROFILE",
  ],
  [
    "The SSO session associated with profile=big-customer has expired",
    "The SSO session associated with profile=PROFILE has expired",
  ],
])(
  "The report of smoke has no name of the deployment, in an observation or in an error: %s",
  async (words, expected) => {
    const ask = (observe: () => Promise<never> | Promise<ReturnType<typeof asExpected>>) =>
      answer({ question: "?", expected: "yes", observe }, target, false);

    expect(await ask(() => Promise.resolve(asExpected(false, words)))).toMatchObject({ observed: expected });
    expect(await ask(() => Promise.reject(new Error(words)))).toMatchObject({
      observed: expect.stringContaining(expected) as string,
    });
  },
);

test.each(["stage", "stack", "write", "local-url"])(
  "smoke rejects the option --%s that npm kept, and npx may have it",
  async (name) => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv(`npm_config_${name.replace("-", "_")}`, "true");
    const ask = async (...more: string[]) =>
      program(() => undefined).parseAsync(["smoke", "--local-url", "http://127.0.0.1:1", ...more], { from: "user" });

    vi.stubEnv("npm_lifecycle_event", "npx");
    await expect(ask()).rejects.toThrow("No local run answers");
    vi.stubEnv("npm_lifecycle_event", "smoke");
    await expect(ask("value")).rejects.toThrow(`Write -- before it: npm run smoke -- --${name} …`);
  },
);
