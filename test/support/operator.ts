import { randomUUID } from "node:crypto";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { SecretStore } from "../../local/secrets-manager/store.ts";
import type { Simulator } from "../../local/simulator/simulator.ts";
import { testSettings } from "../../fixtures/registration.ts";

export const functionArn = "arn:aws:lambda:eu-south-1:000000000000:function:key-rotation";

/** The fingerprint of a key's text. */
export const fingerprintOf = (key: string): string => fingerprint(new Secret(key));

/** The name of a connection's n-th key. */
export const keyName = (connection: string, number: number | string): string => `fake-key-${connection}-${number}`;

/** What an operator does with secrets and sees of them. */
export function operatorOf(store: SecretStore, simulator: Pick<Simulator, "admit" | "url">) {
  const nameOf = (connection: ConnectionId) => `${testSettings.secretPrefix}/${connection}`;

  /** Version → its labels; none for a secret that is scheduled for deletion. */
  function stagesOf(connection: ConnectionId): [version: string, labels: string[]][] {
    const { DeletedDate, VersionIdsToStages = {} } = store.describeSecret({ SecretId: nameOf(connection) });
    return DeletedDate === undefined ? Object.entries(VersionIdsToStages) : [];
  }

  const textOf = (connection: ConnectionId, VersionId: string): string | undefined => {
    try {
      return store.getSecretValue({ SecretId: nameOf(connection), VersionId }).SecretString;
    } catch {
      return undefined;
    }
  };

  function exists(SecretId: string): boolean {
    try {
      return Boolean(store.describeSecret({ SecretId }));
    } catch {
      return false;
    }
  }

  /** Stores a text under some labels (default: AWSCURRENT). Creates the secret if there is none. Returns the version. */
  function put(connection: ConnectionId, text: string, VersionStages?: string[]): string {
    const SecretId = nameOf(connection);
    const version = { SecretString: text, ClientRequestToken: randomUUID() as string };
    if (exists(SecretId)) store.putSecretValue({ SecretId, ...version, ...(VersionStages && { VersionStages }) });
    else store.createSecret({ Name: SecretId, ...version });
    return version.ClientRequestToken;
  }

  return {
    nameOf,
    put,
    /** The text of a secret with a connection's n-th key. Upstream accepts that key from now on. */
    key(connection: ConnectionId, number: number | string, fields: Record<string, unknown> = {}): string {
      const account = { username: `admin_${connection}`, scope: connection, apiKey: keyName(connection, number) };
      simulator.admit(account);
      return JSON.stringify({ ...account, baseUrl: simulator.url, ...fields });
    },
    /** Stages a text under NEXT. Returns the version. */
    stage: (connection: ConnectionId, text: string): string => put(connection, text, ["NEXT"]),
    empty: (connection: ConnectionId) => void store.createSecret({ Name: nameOf(connection) }),
    remove: (connection: ConnectionId) => void store.deleteSecret({ SecretId: nameOf(connection) }),
    restore: (connection: ConnectionId) => void store.restoreSecret({ SecretId: nameOf(connection) }),
    startRotation(connection: ConnectionId, token: string = randomUUID(), more: object = {}): string {
      const SecretId = nameOf(connection);
      store.rotations.rotateSecret({ SecretId, ClientRequestToken: token, RotationLambdaARN: functionArn, ...more });
      return token;
    },
    /** Moves a label to a version; without a version, removes it. */
    moveLabel(connection: ConnectionId, label: string, to?: string): void {
      const from = stagesOf(connection).find(([, labels]) => labels.includes(label))?.[0];
      store.updateSecretVersionStage({
        SecretId: nameOf(connection),
        VersionStage: label,
        ...(to !== undefined && { MoveToVersionId: to }),
        ...(from !== undefined && { RemoveFromVersionId: from }),
      });
    },
    /** The version that has a label. */
    versionAt: (connection: ConnectionId, label: string): string | undefined =>
      stagesOf(connection).find(([, labels]) => labels.includes(label))?.[0],
    /** Label → the text of its version; `undefined` for an empty version. */
    texts: (connection: ConnectionId): Record<string, string | undefined> =>
      Object.fromEntries(
        stagesOf(connection).flatMap(([version, labels]) =>
          labels.map((label) => [label, textOf(connection, version)]),
        ),
      ),
    /** Label → the key in its version. */
    labels(connection: ConnectionId): Record<string, string> {
      return Object.fromEntries(
        Object.entries(this.texts(connection)).map(([label, text]) => [label, text === undefined ? "" : keyIn(text)]),
      );
    },
  };
}

/** The key in a secret's text; the text itself if it is not an object. */
function keyIn(text: string): string {
  try {
    return (JSON.parse(text) as { apiKey: string }).apiKey;
  } catch {
    return text;
  }
}
