import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { takesEffectWithin } from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import type { CommandResult } from "../command.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { expectCallerName } from "./key.ts";
import { kinds } from "./kinds.ts";
import { addRecords, deployedHashes, iso, shown } from "./records.ts";
import { stopCalls } from "./stop-calls.ts";
import { confirmed } from "../terminal/ask.ts";

export interface RevokeOptions {
  keySha256?: string;
  user?: string;
  yes?: boolean;
}

/** Revokes a caller of the deployed list without a deployment: its keys, its calls, or those of one user. */
export async function revokeCaller(
  deployment: Deployment,
  name: string,
  options: RevokeOptions,
): Promise<CommandResult> {
  expectCallerName(name);
  const callers = await deployedCallers(deployment);
  const hasUsers = Object.hasOwn(callers, name) && callers[name]?.issuer !== undefined;
  return options.user !== undefined || (hasUsers && options.keySha256 === undefined)
    ? stopCalls(deployment, callers, name, options)
    : revokeKeys(deployment, callers, name, options);
}

/** It cannot be undone. */
async function revokeKeys(
  deployment: Deployment,
  callers: DeployedCallers,
  name: string,
  options: RevokeOptions,
): Promise<CommandResult> {
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

  const { added, already, effectiveAt } = await addRecords(deployment, callers, hashes, name);
  const text = [
    added.length > 0
      ? `Revoked ${keys}. From ${shown(effectiveAt)} on, the broker rejects every request with ${them}.`
      : `Nothing was changed: ${keys} had been revoked before.`,
    ...(isDeployed ? [] : [notDeployed]),
    ...(Object.hasOwn(callers, name) && callers[name]?.calls
      ? []
      : [
          `Access tokens that ${name} already has stay valid until they expire: by ${shown(effectiveAt + 3600)} if they last an hour.`,
        ]),
    `Next: create a key (${brokerCommand(deployment, `callers key ${name}`)}), replace the hash in the list, ${deployment.local ? "restart npm start with it" : "deploy"}, then hand over the key.`,
  ];
  return {
    text: `${text.join("\n")}\n`,
    json: {
      name,
      revoked: added,
      already_revoked: already,
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
    const revocable = Object.keys(callers).filter(
      (other) => callers[other]?.kind === "key" || callers[other]?.issuer !== undefined,
    );
    const known =
      revocable.length > 0 ? `Callers with a key or calls: ${revocable.join(", ")}` : "No caller has a key or calls";
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
