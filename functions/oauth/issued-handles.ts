import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { fingerprintOfListed, isSameHandle, refreshHandle } from "./refresh-handle.ts";

/** The refresh handles in the items of the connections. Throws `UnavailableError` if the table is unavailable. */
export interface HandleTable {
  /** The handles of a connection by the fingerprint of their caller key. Strongly consistent. */
  read(connection: ConnectionId): Promise<ReadonlyMap<string, Secret>>;
  /**
   * Stores the handle of a key, unless the key has one, and removes the handles of the keys in `gone`. Returns the stored
   * handle; `undefined` if the connection has no token set.
   */
  add(connection: ConnectionId, key: string, handle: Secret, gone: string[]): Promise<Secret | undefined>;
}

export interface HandlePorts extends Pick<Ports, "clock" | "notice"> {
  handles: HandleTable;
  /** 32 random bytes. */
  randomBytes: () => Uint8Array;
}

/** Seconds for which memory keeps a handle. A removed connection's handle is not returned for longer. */
const rememberedFor = 300;

/** Seconds without another attempt after a failed one: each attempt delays a request. */
const retryAfter = 30;

const maxRemembered = 10_000;

/** DynamoDB limits an expression to 4 KB. The next handle removes the others. */
const maxRemoved = 50;

/** The refresh handles of the callers with a key: one per key and connection, as long as the key is in the list. */
export class IssuedHandles {
  readonly #ports: HandlePorts;
  /** Fingerprint → the hash in the deployed list. */
  readonly #listed: ReadonlyMap<string, string>;
  readonly #known = new Map<string, { handle: Secret | undefined; until: number }>();

  constructor(ports: HandlePorts, keySha256: Iterable<string>) {
    this.#ports = ports;
    this.#listed = new Map([...keySha256].map((hash) => [fingerprintOfListed(hash), hash]));
  }

  /** The handle of a key for a connection, always the same one. `undefined` if it cannot be read or stored. */
  async issue(connection: ConnectionId, keySha256: string): Promise<Secret | undefined> {
    const { clock, notice } = this.#ports;
    const key = fingerprintOfListed(keySha256);
    const name = `${connection} ${key}`;
    const known = this.#known.get(name);
    if (known && known.until > clock.now()) return known.handle;
    const issued = await catchUnavailable(
      async () => {
        const handle = await this.#issue(connection, key);
        return { handle, until: clock.now() + (handle ? rememberedFor : retryAfter) };
      },
      (error) => {
        notice({ kind: "table_unavailable", connection, reason: error.message });
        return { handle: known?.handle, until: clock.now() + retryAfter };
      },
    );
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(name, issued);
    return issued.handle;
  }

  async #issue(connection: ConnectionId, key: string): Promise<Secret | undefined> {
    const { handles, randomBytes } = this.#ports;
    const stored = await handles.read(connection);
    const gone = [...stored.keys()].filter((other) => !this.#listed.has(other)).slice(0, maxRemoved);
    return stored.get(key) ?? handles.add(connection, key, refreshHandle(connection, randomBytes()), gone);
  }

  /**
   * The hash of the caller key that a handle was issued for; `undefined` if it was not issued or the key left the list.
   *
   * @throws UnavailableError if the table is unavailable
   */
  async keyOf(connection: ConnectionId, handle: Secret): Promise<string | undefined> {
    for (const [key, issued] of await this.#ports.handles.read(connection)) {
      if (isSameHandle(issued, handle)) return this.#listed.get(key);
    }
    return undefined;
  }
}
