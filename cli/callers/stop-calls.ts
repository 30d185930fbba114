import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import {
  entryRecord,
  takesEffectWithin,
  userPseudonym,
  userRecord,
} from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import type { CommandResult } from "../command.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { expectCallerName } from "./key.ts";
import { addRecords, iso, removeRecords, shown } from "./records.ts";
import { confirmed } from "../terminal/ask.ts";

/** Stops the calls of an entry with `oidc`, or of one user in all entries with calls. A call that has begun may still succeed. */
export async function stopCalls(
  deployment: Deployment,
  callers: DeployedCallers,
  name: string,
  options: { user?: string; yes?: boolean },
): Promise<CommandResult> {
  const { records, who, whose, pseudonym } = subjectOf(deployment, callers, name, options.user);
  await confirmed(
    `Revoke ${who}? All calls ${whose} fail within ${takesEffectWithin} s; one that has begun may still succeed. broker callers restore undoes it.`,
    options.yes ?? false,
  );
  const { added, already, effectiveAt } = await addRecords(deployment, callers, records, name);
  const flags = pseudonym === undefined ? "" : ` --user ${pseudonym}`;
  const text = [
    added.length > 0
      ? `Revoked ${who}. From ${shown(effectiveAt)} on, the broker rejects every call ${whose} with 401. One that has begun may still succeed.`
      : `Nothing was changed: ${who} had been revoked before.`,
    `Undo it: ${brokerCommand(deployment, `callers restore ${name}${flags}`)}`,
  ];
  return {
    text: `${text.join("\n")}\n`,
    json: {
      name,
      ...(pseudonym !== undefined && { user: pseudonym }),
      revoked: added,
      already_revoked: already,
      effective_at: iso(effectiveAt),
    },
  };
}

/** Undoes `stopCalls`. */
export async function restoreCalls(
  deployment: Deployment,
  name: string,
  options: { user?: string },
): Promise<CommandResult> {
  expectCallerName(name);
  const { records, who, whose, pseudonym } = subjectOf(
    deployment,
    await deployedCallers(deployment),
    name,
    options.user,
  );
  const { removed, effectiveAt } = await removeRecords(deployment, records);
  return {
    text:
      removed.length > 0
        ? `Restored ${who}. From ${shown(effectiveAt)} on at the latest, the broker accepts calls ${whose} again.\n`
        : `Nothing was changed: ${who} is not revoked.\n`,
    json: {
      name,
      ...(pseudonym !== undefined && { user: pseudonym }),
      restored: removed,
      effective_at: iso(effectiveAt),
    },
  };
}

/** The records of an entry or a user, and how a sentence names it. Throws CommandError for an entry without users. */
function subjectOf(deployment: Deployment, callers: DeployedCallers, name: string, user: string | undefined) {
  const caller = Object.hasOwn(callers, name) ? callers[name] : undefined;
  const issuer = caller?.issuer;
  if (issuer === undefined) {
    if (caller?.kind === "key" && user === undefined) {
      const another = brokerCommand(deployment, `callers key ${name}`);
      throw new CommandError("usage", `A revoked key stays revoked. Create another: ${another}`);
    }
    const names = Object.keys(callers).filter((each) => callers[each]?.issuer !== undefined);
    const known = names.length > 0 ? `Such entries: ${names.join(", ")}` : "There is none";
    if (!caller) throw new CommandError("notFound", `No deployed entry with oidc and calls has this name. ${known}.`);
    throw new CommandError("usage", `${name} has no oidc with calls, and so no users that can be revoked. ${known}.`);
  }
  if (user === undefined) return { records: [entryRecord(name)], who: name, whose: `of ${name}` };
  if (user === "")
    throw new CommandError("usage", "--user is empty. Set the JWT's sub, or the user's pseudonym in the log.");
  const ofSub = userPseudonym({ iss: issuer, sub: user });
  // A pseudonym of the log. A sub may look like one: then both are meant, since nobody has the other.
  const isPseudonym = /^[0-9a-f]{16}$/.test(user);
  const pseudonym = isPseudonym ? user : ofSub;
  return {
    records: [...new Set([pseudonym, ofSub])].map(userRecord),
    who: `the user ${pseudonym} in all entries with calls`,
    whose: "of this user",
    pseudonym,
  };
}
