import { expect, it } from "vitest";
import { callerRole } from "../../functions/auth-core/http/caller-role.ts";

it.each([
  [
    "an assumed role without its session",
    "arn:aws:sts::123456789012:assumed-role/orders/session-1",
    "arn:aws:sts::123456789012:assumed-role/orders",
  ],
  [
    "an assumed role of another partition",
    "arn:aws-cn:sts::123456789012:assumed-role/orders/i-0abc",
    "arn:aws-cn:sts::123456789012:assumed-role/orders",
  ],
  [
    "a user with a path as it is",
    "arn:aws:iam::123456789012:user/team/assumed-role/orders",
    "arn:aws:iam::123456789012:user/team/assumed-role/orders",
  ],
  [
    "a role with a path as it is",
    "arn:aws:iam::123456789012:role/team/orders",
    "arn:aws:iam::123456789012:role/team/orders",
  ],
  [
    "a federated user as it is",
    "arn:aws:sts::123456789012:federated-user/bob",
    "arn:aws:sts::123456789012:federated-user/bob",
  ],
  ["an account's root as it is", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"],
  ["nobody as unknown", undefined, "unknown"],
  ["an empty ARN as unknown", "", "unknown"],
])("knows %s", (_, userArn, role) => {
  expect(callerRole(userArn)).toBe(role);
});
