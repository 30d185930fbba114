import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { dynamoDbRevokedKeys } from "@smart-token-broker/auth-core/adapters/revoked-key-table.ts";
import { type RevokedKey, takesEffectWithin } from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import type { CommandResult } from "../command.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { kinds } from "./kinds.ts";
import { confirmed } from "../terminal/ask.ts";
import { withProgress } from "../terminal/progress.ts";
import { timeOfDay } from "../../console/time.ts";

export interface RevokeOptions {
  keySha256?: string;
  yes?: boolean;
}

/** Each environment reads all revoked keys every 30 s, so their number is limited. */
const maxRevoked = 1000;

/** Keys that left the list and are forgotten at once, if there are too many. DynamoDB limits the size of a write. */
const maxForgotten = 50;

/** Revokes the keys of a caller, or one of them, without a deployment. It cannot be undone. */
export async function revokeCallerKeys(
  deployment: Deployment,
  name: string,
  options: RevokeOptions,
): Promise<CommandResult> {
  if (!parseConnectionId(name)) throw new CommandError("usage", `Invalid caller name. Use ${connectionIdRule}.`);
  const callers = await deployedCallers(deployment);
  const hashes = hashesToRevoke(callers, name, options.keySha256);
  const [noun, them] = hashes.length === 1 ? ["key", "it"] : ["keys", "them"];
  const keys = `${hashes.length} ${noun} of ${name}`;
  const listed = hashes.map((hash) => `${hash.slice(0, 12)}…`).join(", ");
  const deployed = deployedHashes(callers);
  const isDeployed = hashes.every((hash) => deployed.has(hash));
  await confirmed(
    `Revoke ${keys} (SHA-256 ${listed}${isDeployed ? "" : ", not deployed"})? Requests with ${them} fail within ${takesEffectWithin} s. This cannot be undone.`,
    options.yes ?? false,
  );

  const table = dynamoDbRevokedKeys(deployment.tableName, dynamoDbClient(clientConfig(deployment, "dynamodb")));
  const before = await withProgress("Reading the revoked keys", table.read());
  const clock = systemClock();
  const added = hashes.filter((hash) => !before.has(hash));
  if (added.length > 0) {
    const forgotten = before.size + added.length > maxRevoked ? forgettable(deployed, before) : [];
    await withProgress("Writing to the table", table.add(added, { name, at: Math.floor(clock.now()) }, forgotten));
  }
  // After the write: a function that read just before it does not read again for 30 s.
  const at = added.length > 0 ? clock.now() : Math.max(...hashes.map((hash) => before.get(hash)?.at ?? 0));
  const effectiveAt = Math.ceil(at + takesEffectWithin);
  const shown = (instant: number) => timeOfDay(instant, clock.now(), "seconds");
  const text = [
    added.length > 0
      ? `Revoked ${keys}. From ${shown(effectiveAt)} on, the broker rejects every request with ${them}.`
      : `Nothing was changed: ${keys} had been revoked before.`,
    ...(isDeployed ? [] : [notDeployed]),
    `Access tokens that ${name} already has stay valid until they expire: by ${shown(effectiveAt + 3600)} if they last an hour.`,
    `Next: create a key (${brokerCommand(deployment, `callers key ${name}`)}), replace the hash in the list, deploy, then hand over the key.`,
  ];
  return {
    text: `${text.join("\n")}\n`,
    json: {
      name,
      revoked: added,
      already_revoked: hashes.filter((hash) => before.has(hash)),
      effective_at: iso(effectiveAt),
    },
  };
}

function hashesToRevoke(callers: DeployedCallers, name: string, keySha256: string | undefined): string[] {
  if (keySha256 !== undefined) {
    const hash = keySha256.toLowerCase();
    // Does not repeat the value: it may be the key itself.
    if (!/^[0-9a-f]{64}$/.test(hash)) {
      throw new CommandError(
        "usage",
        "--key-sha256 must be the SHA-256 of a caller key: 64 hex digits, never the key.",
      );
    }
    const owner = Object.entries(callers).find(([, caller]) => caller.keySha256?.includes(hash))?.[0];
    if (owner === undefined || owner === name) return [hash];
    throw new CommandError(
      "usage",
      `This hash is deployed for ${owner}, not for ${name}. Check the name and the hash.`,
    );
  }
  const caller = Object.hasOwn(callers, name) ? callers[name] : undefined;
  if (!caller) {
    const withKey = Object.keys(callers).filter((other) => callers[other]?.kind === "key");
    const known = withKey.length > 0 ? `Callers with a key: ${withKey.join(", ")}` : "No caller has a key";
    throw new CommandError(
      "notFound",
      `No deployed caller has this name. ${known}. For a hash that is not deployed, add --key-sha256.`,
    );
  }
  const { noKey } = kinds[caller.kind];
  if (noKey !== undefined) throw new CommandError("usage", `${name} has no caller key: ${noKey}`);
  return caller.keySha256 ?? [];
}

/** A hash of a key and a line break, as `echo` sends it, is a wrong one. */
const notDeployed =
  "No deployed caller has a key with this hash, so no caller loses access. If you meant a deployed caller, hash its key again, without a line break.";

function deployedHashes(callers: DeployedCallers): Set<string> {
  return new Set(Object.values(callers).flatMap(({ keySha256 = [] }) => keySha256));
}

/** The oldest revoked keys that are not in the deployed list. */
function forgettable(deployed: Set<string>, revoked: ReadonlyMap<string, RevokedKey>): string[] {
  const gone = [...revoked].filter(([hash]) => !deployed.has(hash)).toSorted(([, one], [, other]) => one.at - other.at);
  if (gone.length === 0) {
    throw new CommandError(
      "failed",
      `The broker keeps at most ${maxRevoked} revoked keys, and all are still in the deployed list. Remove their hashes from the list, deploy, then run this again.`,
    );
  }
  return gone.slice(0, maxForgotten).map(([hash]) => hash);
}

const iso = (instant: number) => `${new Date(instant * 1000).toISOString().slice(0, 19)}Z`;
