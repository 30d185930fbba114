import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { moveStage } from "../../local/secrets-manager/versions.ts";
import { apiBaseUrl } from "./calls.ts";
import type { Act, Plan } from "./plan.ts";
import type { Runtime } from "./process.ts";
import { keyIn, type Secrets } from "./secrets.ts";
import type { newTable } from "./table.ts";
import type { newUpstream } from "./upstream.ts";

export const fingerprintOf = (key: string): string => fingerprint(new Secret(key));

/** Seconds before the announcement of a key from which no operator makes it current again: docs/rotating-keys.md. */
const tooLate = 2 * 86_400;

/** What operators do with secrets. Each gets a fresh key from the vendor, or one that nobody has announced. */
export function newOperator(
  { scheduler, now, record }: Runtime,
  plan: Plan,
  secrets: Secrets,
  table: ReturnType<typeof newTable>,
  upstream: ReturnType<typeof newUpstream>,
  rotate: (connection: Plan["connections"][number], version: string) => void,
  report: (of: number) => void,
) {
  const later = (seconds: number, run: () => void) => scheduler.at(now() + seconds, () => (run(), false));
  let keys = 0;
  const removed = new Set<string>();
  /** Connection → the usernames that it was registered with, the newest last. */
  const usernames = new Map(plan.connections.map(({ id }) => [id as string, [`user-${id}`]]));
  const rename = (id: string) => usernames.get(id)?.push(`user-${id}-${(keys += 1)}`);

  const fresh = (): string => {
    const key = `fake-key-${(keys += 1)}`;
    upstream.admit(key);
    return key;
  };
  const textOf = ({ id, habits, hasIssuer, maxLifetime }: Plan["connections"][number], apiKey: string) =>
    JSON.stringify({
      username: usernames.get(id)?.at(-1),
      scope: id,
      apiKey,
      apiBaseUrl,
      ...(habits.singleActive && { singleActiveToken: true }),
      ...(hasIssuer && { keyIssuer: "https://issuer.test/keys" }),
      ...(maxLifetime !== undefined && { maxLifetime }),
    });

  /** Whether a key may be put back: upstream accepts it, and no sweep has announced it or is about to. */
  function isUsable(key: string | undefined): key is string {
    if (key === undefined || !upstream.isAccepted(key) || upstream.announced.has(key)) return false;
    return plan.connections.every(({ id }) => {
      const end = table.itemOf(id)?.retiringKeys?.[fingerprintOf(key)]?.end;
      return end === undefined || end > now() + tooLate;
    });
  }
  function move(connection: string, label: string, to: string | undefined): void {
    const from = secrets.labelsOf(connection)[label]?.version;
    if (from === to) return;
    secrets.change(connection, `operator moves ${label}`, (secret) => moveStage(secret, label, { from, to }));
  }

  /** Stores the current key of the next connection in this one, too. */
  function share(connection: Plan["connections"][number], label: string): void {
    const other = plan.connections[(plan.connections.indexOf(connection) + 1) % plan.connections.length];
    const key = other && secrets.labelsOf(other.id)["AWSCURRENT"]?.key;
    if (other !== connection && isUsable(key)) secrets.put(connection.id, textOf(connection, key), label);
  }

  function act({ act: what, of, pause, choice }: Act): void {
    const connection = plan.connections[of] as Plan["connections"][number];
    const { id } = connection;
    record({ kind: "act", connection: id, text: `operator: ${what}` });
    if (what === "restore" && removed.has(id)) {
      if (!isUsable(removedKey.get(id)) || choice < 0.3) return recreate(connection);
      removed.delete(id);
      return secrets.change(id, "restore", (secret) => void delete secret.deletedAt);
    }
    if (!secrets.exists(id)) return;
    const labels = secrets.labelsOf(id);
    switch (what) {
      case "put":
        return void secrets.put(id, textOf(connection, fresh()), "AWSCURRENT");
      case "stage":
        return void secrets.put(id, choice < 0.5 ? fresh() : textOf(connection, fresh()), "NEXT");
      case "stageBad":
        return void secrets.put(id, choice < 0.5 ? "fake-bad-key" : "fake bad key\n", "NEXT");
      case "stageAndRotate":
        secrets.put(id, fresh(), "NEXT");
        return rotate(connection, labels["AWSPENDING"]?.version ?? `v${(keys += 1)}`);
      case "rotate":
        return rotate(
          connection,
          choice < 0.5 && labels["AWSPENDING"] ? labels["AWSPENDING"].version : `v${(keys += 1)}`,
        );
      case "rotateAndPut":
        if (choice < 0.7 && !connection.hasIssuer) secrets.put(id, fresh(), "NEXT");
        rotate(connection, `v${(keys += 1)}`);
        return later(pause, () => secrets.exists(id) && secrets.put(id, textOf(connection, fresh()), "AWSCURRENT"));
      case "rotateAndGoBack":
        // Against the documentation: AWSPENDING stays.
        secrets.put(id, fresh(), "NEXT");
        rotate(connection, `v${(keys += 1)}`);
        return later(pause, () => {
          const previous = secrets.labelsOf(id)["AWSPREVIOUS"];
          if (isUsable(previous?.key)) move(id, "AWSCURRENT", previous?.version);
        });
      case "rotateAndDestroy":
        secrets.put(id, fresh(), "NEXT");
        rotate(connection, `v${(keys += 1)}`);
        return later(pause / 10, () => {
          if (!secrets.exists(id)) return;
          removed.add(id);
          secrets.destroy(id);
        });
      case "damage":
      case "damageAndPut":
        secrets.put(id, "{}", "AWSCURRENT");
        if (what === "damage") return;
        // A caller whose token is rejected meanwhile, and another one right after.
        later(0.05, () => report(of));
        later(0.3 + pause / 10, () => secrets.exists(id) && secrets.put(id, textOf(connection, fresh()), "AWSCURRENT"));
        return later(0.35 + pause / 10, () => report(of));
      case "rename":
      case "renameInOutage":
        rename(id);
        if (what === "renameInOutage") plan.secretOutages.push({ from: now() + pause, until: now() + pause + 40 });
        return void secrets.put(id, textOf(connection, fresh()), "AWSCURRENT");
      case "outage":
      case "rotateInOutage":
      case "shareInOutage":
        plan.outages.push({ from: now() + (choice < 0.5 ? 0 : pause), until: now() + pause + 100 });
        if (what === "rotateInOutage" && !connection.hasIssuer) secrets.put(id, fresh(), "NEXT");
        if (what === "shareInOutage") share(connection, "NEXT");
        return what === "outage" ? undefined : rotate(connection, `v${(keys += 1)}`);
      case "cancel":
        return labels["AWSPENDING"] && labels["AWSPENDING"].version !== labels["AWSCURRENT"]?.version
          ? move(id, "AWSPENDING", undefined)
          : undefined;
      case "goBack": {
        // As docs/rotating-keys.md says: first AWSPENDING, then AWSCURRENT.
        const { AWSPREVIOUS: previous, AWSPENDING: pending, NEXT: next } = labels;
        if (!isUsable(previous?.key) || next?.version === previous?.version) return;
        if (pending) move(id, "AWSPENDING", undefined);
        return later(pause, () => {
          const still = secrets.labelsOf(id);
          const isSame = previous && still["AWSPREVIOUS"]?.version === previous.version;
          if (isSame && !still["AWSPENDING"] && isUsable(previous.key)) move(id, "AWSCURRENT", previous.version);
        });
      }
      case "stageBack":
        return isUsable(labels["AWSPREVIOUS"]?.key) ? move(id, "NEXT", labels["AWSPREVIOUS"]?.version) : undefined;
      case "share":
        return share(connection, choice < 0.5 ? "AWSCURRENT" : "NEXT");
      case "remove":
        removed.add(id);
        removedKey.set(id, keyIn(secrets.textAt(id, "AWSCURRENT")) ?? "");
        return secrets.change(id, "remove", (secret) => void (secret.deletedAt = now() + 30 * 86_400));
      case "get":
      case "named":
      case "report":
      case "sweep":
      case "renew":
      case "restore":
      case "call":
      case "revokeCaller":
      case "restoreCaller":
    }
  }
  const removedKey = new Map<string, string>();

  /** Stores a fresh key and other names in a secret that was deleted, or whose key does not work any more. */
  function recreate(connection: Plan["connections"][number]): void {
    removed.delete(connection.id);
    rename(connection.id);
    secrets.change(connection.id, "restore", (secret) => void delete secret.deletedAt);
    secrets.put(connection.id, textOf(connection, fresh()), "AWSCURRENT");
  }

  return {
    act,
    usernamesOf: (connection: string) => usernames.get(connection) ?? [],
    register(): void {
      const shared = plan.isShared ? fresh() : undefined;
      for (const each of plan.connections) secrets.put(each.id, textOf(each, shared ?? fresh()), "AWSCURRENT");
    },
    /** Repairs what only an operator can: a deleted secret, a key that upstream rejects. */
    repair(): void {
      for (const each of plan.connections) {
        const { AWSCURRENT: current, NEXT: next } = secrets.labelsOf(each.id);
        if (removed.has(each.id) || !isUsable(current?.key)) recreate(each);
        if (next && !isUsable(next.key)) move(each.id, "NEXT", undefined);
      }
    },
    /** Cancels the rotations that have not finished. */
    cancelStuck(): void {
      for (const { id } of plan.connections) {
        const { AWSCURRENT: current, AWSPENDING: pending } = secrets.labelsOf(id);
        if (pending && pending.version !== current?.version) move(id, "AWSPENDING", undefined);
      }
    },
  };
}
