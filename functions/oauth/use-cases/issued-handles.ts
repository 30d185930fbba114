import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { RegisteredNames } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { handleName, isSameHandle, refreshHandle } from "../rules/refresh-handle.ts";

/** The refresh handles in the items of the connections. Throws `UnavailableError` if the table is unavailable. */
export interface HandleTable {
  /** The handles of a connection by `handleName`, and the names that its token was issued for. Strongly consistent. */
  read(connection: ConnectionId): Promise<{ handles: ReadonlyMap<string, Secret>; names: RegisteredNames }>;
  /**
   * Stores a handle, unless there is one of this name, and removes those in `gone`. Returns the stored handle; `undefined`
   * if the connection has no token set.
   */
  add(connection: ConnectionId, name: string, handle: Secret, gone: string[]): Promise<Secret | undefined>;
}

/** The caller key of a refresh handle, and the names that go with it. */
export interface HandleOwner {
  keySha256: string;
  /** The names that the connection's token was, and is, issued for. */
  names: RegisteredNames;
}

export interface HandlePorts extends Pick<Ports, "clock" | "notice"> {
  handles: HandleTable;
  /** 32 random bytes. */
  randomBytes: () => Uint8Array;
}

/** Seconds for which memory keeps a handle. A removed connection's handle is not returned for longer. */
const rememberedFor = 300;

/** Seconds between two attempts after a failed one: each attempt delays a request. */
const retryAfter = 30;

const maxRemembered = 10_000;

/** Ended handles that one write removes: DynamoDB limits an expression to 4 KB. Storing another handle removes more. */
const maxRemoved = 50;

/**
 * The refresh handles of the callers with a key: one per key and connection. It ends when the key leaves the list, and when
 * the connection's token is issued for another username or scope.
 */
export class IssuedHandles {
  readonly #ports: HandlePorts;
  /** The hashes in the deployed list. */
  readonly #listed: string[];
  readonly #known = new Map<string, { handle: Secret | undefined; until: number }>();

  constructor(ports: HandlePorts, keySha256: Iterable<string>) {
    this.#ports = ports;
    this.#listed = [...keySha256];
  }

  /**
   * The handle of a key for a connection whose token was issued for these names, always the same one. `undefined` if it
   * cannot be read or stored, or if the stored token was issued for other names.
   */
  async issue(connection: ConnectionId, keySha256: string, issuedFor: RegisteredNames): Promise<Secret | undefined> {
    const { clock, notice } = this.#ports;
    const startedAt = clock.now();
    const name = handleName(keySha256, issuedFor);
    const place = `${connection} ${name}`;
    const known = this.#known.get(place);
    if (known && known.until > startedAt) return known.handle;
    const issued = await catchUnavailable(
      async () => {
        const handle = await this.#issue(connection, keySha256, name);
        return { handle, until: startedAt + (handle ? rememberedFor : retryAfter) };
      },
      (error) => {
        notice({ kind: "table_unavailable", connection, reason: error.message });
        return { handle: known?.handle, until: startedAt + retryAfter };
      },
    );
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(place, issued);
    return issued.handle;
  }

  async #issue(connection: ConnectionId, keySha256: string, name: string): Promise<Secret | undefined> {
    const { handles, randomBytes } = this.#ports;
    const { handles: stored, names } = await handles.read(connection);
    // Memory served a token that another environment has replaced.
    if (handleName(keySha256, names) !== name) return undefined;
    const valid = new Set(this.#listed.map((hash) => handleName(hash, names)));
    const gone = [...stored.keys()].filter((other) => !valid.has(other)).slice(0, maxRemoved);
    return stored.get(name) ?? handles.add(connection, name, refreshHandle(connection, randomBytes()), gone);
  }

  /**
   * The owner of a handle; `undefined` if it was not issued or has ended.
   *
   * @throws UnavailableError if the table is unavailable
   */
  async ownerOf(connection: ConnectionId, handle: Secret): Promise<HandleOwner | undefined> {
    const { handles, names } = await this.#ports.handles.read(connection);
    const issued = [...handles].find(([, each]) => isSameHandle(each, handle));
    if (!issued) return undefined;
    const keySha256 = this.#listed.find((hash) => handleName(hash, names) === issued[0]);
    return keySha256 === undefined ? undefined : { keySha256, names };
  }
}
