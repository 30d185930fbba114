import { expect, it } from "vitest";
import { callerRole, reporterRole } from "../../functions/auth-core/http/caller-role.ts";

it.each([
  ["arn:aws:sts::123456789012:assumed-role/orders/session-1", "arn:aws:sts::123456789012:assumed-role/orders"],
  ["arn:aws:sts::123456789012:assumed-role/orders/with/slash", "arn:aws:sts::123456789012:assumed-role/orders"],
])("callerRole removes the session from %s", (userArn, role) => {
  expect(callerRole(userArn)).toBe(role);
});

it.each([
  "arn:aws:iam::123456789012:user/team/assumed-role/orders",
  "arn:aws:iam::123456789012:role/team/orders",
  "arn:aws:sts::123456789012:federated-user/bob",
])("callerRole keeps %s as it is", (userArn) => {
  expect(callerRole(userArn)).toBe(userArn);
});

it.each([undefined, ""])("callerRole is unknown without an ARN: %j", (userArn) => {
  expect(callerRole(userArn)).toBe("unknown");
});

it.each([
  [
    "the role, for each of its sessions",
    "sts::123456789012:assumed-role/orders/session-1",
    "sts::123456789012:assumed-role/orders",
  ],
  [
    "the account, for each of its federated users",
    "sts::123456789012:federated-user/bob",
    "sts::123456789012:federated-user",
  ],
  ["the user", "iam::123456789012:user/team/orders", "iam::123456789012:user/team/orders"],
])("reporterRole is %s", (_, principal, reporter) => {
  expect(reporterRole(`arn:aws:${principal}`)).toBe(`arn:aws:${reporter}`);
});
