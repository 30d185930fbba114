import { expect, test } from "vitest";
import { synthesise } from "./synth.ts";

const ids = ["webapicorso", "acme", "acme-1", "acme1"];
const { assembly, ofType } = synthesise({
  connections: ids,
  callers: ids.map((name) => ({ name, connections: ["acme"], principal: "210987654321" })),
});
const outputs = assembly.stacks.flatMap(({ template }) => Object.keys(template.Outputs ?? {}));

// A change here breaks deployments: CloudFormation creates the renamed resource, then deletes the old one. Deleting the
// old rotation schedule turns the rotation of the secret off, and a second secret of the same name is rejected.
test("The logical id of a connection's secret and rotation schedule never changes, and has a hash if the id has a hyphen", () => {
  expect(ofType("AWS::SecretsManager::Secret").map(({ id }) => id)).toEqual([
    "Secretwebapicorso",
    "Secretacme",
    "Secretacme1X7974d1de",
    "Secretacme1",
  ]);
  expect(ofType("AWS::SecretsManager::RotationSchedule").map(({ id }) => id)).toEqual([
    "KeyRotationOfwebapicorso",
    "KeyRotationOfacme",
    "KeyRotationOfacme1X7974d1de",
    "KeyRotationOfacme1",
  ]);
});

test("The output with the ARN of a caller's role never changes its name, and has a hash if the caller's name has a hyphen", () => {
  expect(outputs.filter((name) => name.startsWith("CallerRole"))).toEqual([
    "CallerRolewebapicorso",
    "CallerRoleacme",
    "CallerRoleacme1X7974d1de",
    "CallerRoleacme1",
  ]);
});

test("The logical id of a caller's role never changes: another role would have another ARN", () => {
  const roles = ofType("AWS::IAM::Role").filter(({ Properties }) => Properties.Description);

  expect(roles.map(({ id }) => id)).toEqual([
    "CallerwebapicorsoFB0AB6BB",
    "CalleracmeCAF1BF7E",
    "Calleracme103596226",
    "Calleracme150C382E9",
  ]);
});
