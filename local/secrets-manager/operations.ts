import { checkMembers, type Members, type With } from "./members.ts";
import type { SecretStore } from "./store.ts";

/** Runs one operation: takes the parsed request body and returns the response body. Throws SecretsManagerError. */
export type Operation = (store: SecretStore, body: unknown) => object;

function operation<Required extends keyof Members>(
  required: readonly Required[],
  run: (store: SecretStore, members: With<Required>) => object,
): Operation {
  return (store, body) => run(store, checkMembers(body, required));
}

/** The emulated operations by name. Only those that the product, its commands and its tests call. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ["CreateSecret", operation(["Name"], (store, members) => store.createSecret(members))],
  ["DeleteSecret", operation(["SecretId"], (store, members) => store.deleteSecret(members))],
  ["DescribeSecret", operation(["SecretId"], (store, members) => store.describeSecret(members))],
  ["GetSecretValue", operation(["SecretId"], (store, members) => store.getSecretValue(members))],
  ["ListSecrets", operation([], (store, members) => store.listSecrets(members))],
  ["PutSecretValue", operation(["SecretId"], (store, members) => store.putSecretValue(members))],
  ["RestoreSecret", operation(["SecretId"], (store, members) => store.restoreSecret(members))],
  ["RotateSecret", operation(["SecretId"], (store, members) => store.rotations.rotateSecret(members))],
  [
    "UpdateSecretVersionStage",
    operation(["SecretId", "VersionStage"], (store, members) => store.updateSecretVersionStage(members)),
  ],
]);
