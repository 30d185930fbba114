import { describe, expect, it } from "vitest";
import { readRotationEvent } from "../../functions/key-rotation/rules/rotation-event.ts";

const prefix = "smart-token-broker/test";
const arn = (name: string) => `arn:aws:secretsmanager:eu-south-1:000000000000:secret:${name}`;
const event = {
  Step: "createSecret",
  SecretId: arn(`${prefix}/webapicorso-AbC123`),
  ClientRequestToken: "00000000-0000-0000-0000-000000000001",
};

describe("readRotationEvent", () => {
  it.each(["createSecret", "setSecret", "testSecret", "finishSecret"])("parses an event of the step %s", (Step) => {
    expect(readRotationEvent({ ...event, Step }, prefix)).toEqual({
      step: Step,
      secretId: event.SecretId,
      connection: "webapicorso",
      version: event.ClientRequestToken,
    });
  });

  it("finds a connection whose id ends like the suffix of an ARN", () => {
    const SecretId = arn(`${prefix}/a-abcdef-AbC123`);

    expect(readRotationEvent({ ...event, SecretId }, prefix).connection).toBe("a-abcdef");
  });

  it.each([
    ["of another prefix", arn("smart-token-broker/prod/webapicorso-AbC123")],
    ["whose prefix only begins like ours", arn(`${prefix}ing/webapicorso-AbC123`)],
    ["whose prefix is as long as ours", arn("smart-token-broker/tesy/webapicorso-AbC123")],
    ["whose name has no slash after the prefix", arn(`${prefix}-webapicorso-AbC123`)],
    ["deeper below the prefix", arn(`${prefix}/a/b-AbC123`)],
    ["that is not an id", arn(`${prefix}/UPPER-AbC123`)],
    ["without a suffix", arn(`${prefix}/webapicorso`)],
    ["with more after its suffix", `${event.SecretId}:AWSCURRENT`],
    ["with more before its ARN", `secret ${event.SecretId}`],
    ["given by its name", `${prefix}/webapicorso-AbC123`],
    ["of another service", event.SecretId.replace("secretsmanager", "ssm")],
    ["that is missing", undefined],
  ])("rejects a secret %s", (_which, SecretId) => {
    expect(() => readRotationEvent({ ...event, SecretId }, prefix)).toThrow("SecretId must be the ARN of a secret");
  });

  it.each([
    ["Step", "deleteSecret"],
    ["Step", undefined],
    ["ClientRequestToken", ""],
    ["ClientRequestToken", "0".repeat(65)],
    ["ClientRequestToken", undefined],
  ])("rejects the %s %s, and the error names the field", (field, value) => {
    expect(() => readRotationEvent({ ...event, [field]: value }, prefix)).toThrow(field);
  });

  it.each([undefined, null, "text", []])("rejects %s as an event", (what) => {
    expect(() => readRotationEvent(what, prefix)).toThrow("Step must be one of");
  });
});
