import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports, RegistrationReading } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import { steppedClock } from "../support/clock.ts";
import { type Around, withPoints } from "../support/crash-points.ts";
import { openCalls, takeTurns } from "../support/turns.ts";
import { fakeTokenSet } from "../support/items.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { connectionId, fakeRegistration } from "../../fixtures/registration.ts";
import { accessToken, fakeUpstream, refreshToken, type UpstreamCall, type UpstreamBehaviour } from "./fake-upstream.ts";
import { current, type History, recordingTable } from "./recording-table.ts";

/** A call to upstream with the lease that it was made under. `isLeased`: that lease was in force when it arrived. */
type LeasedCall = UpstreamCall & { by: string; isLeased: boolean };

export type Stage = ReturnType<typeof newStage>;

/** A connection with its own table, upstream and stepped clock. */
export function newStage(upstreamScenario: Partial<UpstreamBehaviour> = {}) {
  const connection = connectionId("webapicorso");
  const { port, put } = memoryTable();
  const clock = steppedClock();
  const history: History = { changes: [], calls: openCalls() };
  const defaults = { refresh_token: "ok", api_key: "ok", sameToken: false, lifetime: 3600, delay: 0 } as const;
  const upstream = fakeUpstream(clock, { ...defaults, ...upstreamScenario });
  const registration = fakeRegistration();
  const registered: RegistrationReading = { kind: "registered", registration, warnings: [] };
  const calls: LeasedCall[] = [];
  const answers: { by: string; at: number; answer: Answer }[] = [];
  const bugs: string[] = [];
  const stage = { secret: registered as RegistrationReading, wasUnregistered: false };

  const isLeased = (owner: string) => {
    const item = current(history);
    return item?.leaseOwner === owner && (item.leaseUntil ?? 0) > clock.now();
  };

  const { settle } = history.calls;

  /** The ports of one process, which may have one replacement under way at a time. */
  function process(name: string, around: Around): Ports {
    let leases = 0;
    const owner = () => `${name}/${leases}`;
    return withPoints<Ports>(
      {
        table: recordingTable(port, connection, history, () => {
          return { by: owner(), at: clock.now(), newest: upstream.newest() };
        }),
        registrations: { read: async () => stage.secret },
        upstream: {
          call: (request) =>
            upstream.call(request, (call) => calls.push({ ...call, by: owner(), isLeased: isLeased(owner()) })),
        },
        clock,
        random: () => 0.5,
        newLeaseOwner() {
          leases += 1;
          return owner();
        },
        notice: () => undefined,
      },
      around,
    );
  }

  return Object.assign(stage, {
    connection,
    clock,
    history,
    upstream,
    calls,
    answers,
    bugs,
    process,
    /** Deletes the connection's secret. */
    unregister: () => void Object.assign(stage, { secret: { kind: "unknown" }, wasUnregistered: true }),
    /** Stores a token set with a refresh token, due for a minute, whose access token has `left` seconds left. */
    async store(left: number, more: Partial<ConnectionItem> = {}): Promise<void> {
      const now = clock.now();
      const { lifetime } = upstream.upstreamScenario;
      const { credentialFingerprint, keyFingerprint } = registration;
      const tokenSet = fakeTokenSet({
        accessToken: new Secret(accessToken(0)),
        accessTokenExpiresAt: now + left,
        obtainedAt: now + left - lifetime,
        refreshToken: new Secret(refreshToken(0)),
        refreshTokenExpiresAt: now + 20 * 86_400,
        dueAt: more.nextActionAt ?? now - 60,
        credentialFingerprint,
        keyFingerprint,
      });
      const item = { connection, generation: 1, failures: 0, tokenSet, nextActionAt: now - 60, ...more };
      await put({ ...encodeItem(item), partition: { N: String(partitionOf(connection)) } });
      history.changes.push({ call: "store", by: "", at: now, before: undefined, after: item, newest: 0 });
    },
    /** One sweep of the connection's partition. */
    sweep: (ports: Ports) =>
      sweep(ports, { shard: partitionOf(connection), shards: 16 }, (error) => void bugs.push(String(error))),
    /** Resolves when nothing can change but by a step: of the clock, or of a held call. */
    settle,
    /** Takes a turn whenever nothing can change without one, until the work has settled. Its result. */
    takeTurns: <Result>(work: Promise<Result>, turn: () => Promise<void> | void) => takeTurns(work, settle, turn),
  });
}
