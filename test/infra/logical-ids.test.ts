import { expect, test } from "vitest";
import { synthesise } from "./synth.ts";

const connections = ["webapicorso", "acme", "acme-1", "acme1"];
const { assembly, ofType } = synthesise({
  connections,
  callers: connections.map((name) => ({ name, connections: ["acme"], principal: "210987654321" })),
});
const outputs = assembly.stacks.flatMap(({ template }) => Object.keys(template.Outputs ?? {}));

// A change here breaks deployments: CloudFormation creates the renamed resource, then deletes the old one. Deleting the
// old rotation schedule turns the rotation of the secret off, a second secret of the same name is rejected, and another role
// has another ARN. An id with a hyphen has a hash.
test("The logical ids of secrets, rotation schedules and callers' roles, and the names of outputs, never change", () => {
  const ids = (type: string) => ofType(type).map(({ id }) => id);
  const named = (prefix: string) => ["webapicorso", "acme", "acme1X7974d1de", "acme1"].map((name) => prefix + name);

  expect(ids("AWS::SecretsManager::Secret")).toEqual(named("Secret"));
  expect(ids("AWS::SecretsManager::RotationSchedule")).toEqual(named("KeyRotationOf"));
  expect(outputs.filter((name) => name.startsWith("CallerRole"))).toEqual(named("CallerRole"));
  expect(ids("AWS::IAM::Role").filter((id) => id.startsWith("Caller"))).toEqual([
    "CallerwebapicorsoFB0AB6BB",
    "CalleracmeCAF1BF7E",
    "Calleracme103596226",
    "Calleracme150C382E9",
  ]);
});
