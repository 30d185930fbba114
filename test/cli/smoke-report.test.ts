import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { expect, test } from "vitest";
import type { Deployment } from "../../cli/deployment/deployment.ts";
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
