import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type {
  RegistrationReading,
  RegistrationStore,
  SecretDescription,
  SecretVersions,
} from "../../functions/auth-core/use-cases/ports.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { invalidRequest, notFound, SecretsManagerError } from "../../local/secrets-manager/errors.ts";
import { refuseRotation } from "../../local/secrets-manager/rotation.ts";
import { addVersion, moveStage, type Secret, versionAt } from "../../local/secrets-manager/versions.ts";
import { testSettings } from "../../fixtures/registration.ts";
import type { Labels } from "./history.ts";
import type { newNetwork } from "./network.ts";
import type { Process, Runtime } from "./process.ts";
import type { Draws } from "./random.ts";

/** Runs one step of a rotation. Resolves with whether it succeeded. */
type Invoke = (event: { step: (typeof steps)[number]; connection: ConnectionId; version: string }) => Promise<boolean>;

const steps = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;

export type Secrets = ReturnType<typeof newSecrets>;

/**
 * Secrets Manager in memory: the versions and labels of the local run's emulator, reads that lag behind writes, and its
 * way to run a rotation.
 */
export function newSecrets(
  { scheduler, now, record }: Runtime,
  network: ReturnType<typeof newNetwork>,
  lagOf: (draws: Draws, connection: string) => number,
  isDown: () => boolean,
  /** The date of a pending version: of its value, or of the start of the rotation. AWS does not document which. */
  isDatedByValue: boolean,
) {
  const secrets = new Map<string, Secret>();
  const versions = new Map<string, { at: number; secret: Secret | undefined }[]>();
  const runs = new Map<string, { version: string; isStopped: boolean }>();
  const parsed = new Map<string, ReturnType<typeof parseRegistration>>();
  let puts = 0;

  /** Changes a secret, and records it. Throws what Secrets Manager answers. */
  function change(connection: string, text: string, act: (secret: Secret) => unknown, process?: Process): void {
    if (process && !secrets.has(connection)) throw notFound("there is no such secret");
    const secret = secrets.get(connection) ?? newSecret(connection, now());
    const before = labelsOf(connection);
    act(secret);
    secrets.set(connection, secret);
    const copy = { ...secret, versions: new Map(secret.versions) };
    for (const [id, version] of secret.versions) copy.versions.set(id, { ...version, stages: new Set(version.stages) });
    versions.set(connection, [...(versions.get(connection) ?? []).slice(-30), { at: now(), secret: copy }]);
    record({ kind: "secret", text, connection, before, after: labelsOf(connection), ...(process && { process }) });
  }
  /** A secret as a read sees it: as it was some seconds ago. */
  function seen(connection: string, lag: number): Secret | undefined {
    const at = now() - lag;
    return versions.get(connection)?.findLast((each) => each.at <= at)?.secret;
  }
  const isLive = (secret: Secret | undefined): secret is Secret =>
    secret !== undefined && secret.deletedAt === undefined;

  function labelsOf(connection: string): Labels {
    const secret = secrets.get(connection);
    if (!isLive(secret)) return {};
    return Object.fromEntries(
      [...secret.versions.values()].flatMap(({ id, value, stages, createdAt }) =>
        [...stages].toSorted().map((label) => [label, { version: id, key: keyIn(value?.SecretString), createdAt }]),
      ),
    );
  }
  const textAt = (connection: string, label: string) => {
    const secret = secrets.get(connection);
    return isLive(secret) ? versionAt(secret, label)?.value?.SecretString : undefined;
  };

  function put(connection: string, text: string, label: string): string {
    const id = `put-${(puts += 1)}`;
    change(connection, `put ${label}`, (secret) =>
      addVersion(secret, { id, value: { SecretString: text }, stages: [label] }, now()),
    );
    return id;
  }

  function read(text: string | undefined): RegistrationReading {
    if (text === undefined) return { kind: "not_ready", detail: "the secret has no value yet" };
    const known = parsed.get(text) ?? parseRegistration(text, testSettings);
    parsed.set(text, known);
    return known;
  }

  const registrationsOf = (process: () => Process): RegistrationStore => ({
    read: (connection, label = "AWSCURRENT") =>
      network.call(
        process(),
        `registrations.read`,
        { attempts: 2, timeout: 0.75, isDown: isDown() },
        (draws) => {
          const secret = seen(connection, lagOf(draws, connection));
          if (!isLive(secret)) return { kind: "unknown" };
          const version = versionAt(secret, label);
          const reading = read(version?.value?.SecretString);
          return { ...reading, ...(version && { keyCreatedAt: version.createdAt }) };
        },
        connection,
      ),
  });

  const versionsOf = (process: () => Process): SecretVersions => {
    const client = { attempts: 3, timeout: 3 };
    const call = async <Value>(name: string, connection: string, act: (draws: Draws, by: Process) => Value) => {
      const by = process();
      try {
        return await network.call(by, `secrets.${name}`, client, (draws) => act(draws, by), connection);
      } catch (error) {
        // As the adapter does: an answer that it does not know is one more way to be unavailable.
        throw error instanceof SecretsManagerError ? new UnavailableError(error.message) : error;
      }
    };
    return {
      idOf: (connection) => connection,
      describe: (id) =>
        call("describe", id, (draws): SecretDescription | undefined => {
          const secret = seen(id, lagOf(draws, id));
          if (!isLive(secret)) return undefined;
          const labels = new Map<string, string[]>();
          for (const label of ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "NEXT"]) {
            const lagging = seen(id, lagOf(draws, id));
            const version = lagging && versionAt(lagging, label)?.id;
            if (version !== undefined) labels.set(version, [...(labels.get(version) ?? []), label]);
          }
          return { labels, rotationEnabled: true, lastChangedAt: secret.changedAt };
        }),
      read: (id, { version, label }) =>
        call("read", id, (draws) => {
          const secret = seen(id, lagOf(draws, id));
          if (secret === undefined) return undefined;
          const found =
            version === undefined ? versionAt(live(secret), label ?? "AWSCURRENT") : live(secret).versions.get(version);
          return found?.value?.SecretString;
        }),
      createdAt: (id, version) =>
        call("createdAt", id, (draws) => {
          const secret = seen(id, lagOf(draws, id));
          const found = isLive(secret) ? secret.versions.get(version) : undefined;
          return found?.value && found.createdAt;
        }),
      putPending: (id, version, value) =>
        call("putPending", id, (_draws, by) => {
          const added = { id: version, value: { SecretString: value.reveal() }, stages: ["AWSPENDING"] };
          change(
            id,
            "put AWSPENDING",
            (secret) => {
              const isFirst = secret.versions.get(version)?.value === undefined;
              const stored = addVersion(live(secret), added, now());
              if (isDatedByValue && isFirst) stored.createdAt = now();
            },
            by,
          );
        }),
      moveLabel: (id, label, move) =>
        call("moveLabel", id, (_draws, by) => {
          try {
            change(id, `move ${label}`, (secret) => moveStage(live(secret), label, move), by);
            return true;
          } catch (error) {
            if (error instanceof SecretsManagerError && error.type === "InvalidParameterException") return false;
            throw error;
          }
        }),
    };
  };

  /** Deletes a secret without a recovery window. */
  function destroy(connection: string): void {
    const before = labelsOf(connection);
    secrets.delete(connection);
    versions.get(connection)?.push({ at: now(), secret: undefined });
    record({ kind: "secret", text: "destroy", connection, before, after: {} });
  }

  /** Starts a rotation, or resumes the one of this version. Throws if Secrets Manager rejects it. */
  function rotate(connection: ConnectionId, version: string, invoke: Invoke): void {
    const secret = secrets.get(connection);
    if (!isLive(secret)) return;
    refuseRotation(secret, version, "rotation");
    if (!secret.versions.has(version)) {
      change(connection, "start of a rotation", () =>
        addVersion(secret, { id: version, stages: ["AWSPENDING"] }, now()),
      );
    }
    const before = runs.get(connection);
    if (before) before.isStopped = true;
    const run = { version, isStopped: false };
    runs.set(connection, run);
    void attempts();

    async function attempts(): Promise<void> {
      for (const pause of [0, 5, 15, 45]) {
        await new Promise<void>((resolve) => scheduler.at(now() + pause, resolve));
        if (run.isStopped || (await attempt())) break;
      }
      if (runs.get(connection) === run) runs.delete(connection);
    }
    async function attempt(): Promise<boolean> {
      for (const step of steps) {
        if (run.isStopped || !(await invoke({ step, connection, version }))) return false;
        if (secret?.versions.get(version)?.value === undefined) return false;
      }
      return secret?.versions.get(version)?.stages.has("AWSCURRENT") === true;
    }
  }

  return {
    registrationsOf,
    versionsOf,
    change,
    destroy,
    put,
    rotate,
    labelsOf,
    textAt,
    isRunning: (connection: string) => runs.has(connection),
    exists: (connection: string) => isLive(secrets.get(connection)),
  };
}

function live(secret: Secret): Secret {
  if (secret.deletedAt === undefined) return secret;
  throw invalidRequest("the secret is scheduled for deletion");
}

function newSecret(name: string, now: number): Secret {
  return {
    arn: name,
    name,
    tags: new Map(),
    versions: new Map(),
    createdAt: now,
    changedAt: now,
  };
}

/** The key in a secret's text: a registration, or only a key. */
export function keyIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return text.startsWith("{") ? (JSON.parse(text) as { apiKey: string }).apiKey : text;
}
