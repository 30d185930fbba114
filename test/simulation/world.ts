import { AsyncLocalStorage } from "node:async_hooks";
import type { CallsEndpoint } from "../../functions/calls/edges/endpoint.ts";
import { registeredOtherwise, UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { partitionCount, partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { TokenRequirements } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Events, KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { makeDue } from "../../functions/auth-core/use-cases/make-due.ts";
import { type Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { rotateKey } from "../../functions/key-rotation/use-cases/rotate-key.ts";
import { StepError } from "../../functions/key-rotation/rules/rotation-error.ts";
import { namedToken } from "../../functions/oauth/use-cases/named-token.ts";
import { maintainKeys } from "../../functions/token-rotation/use-cases/maintain-keys.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { newCalls } from "./calls.ts";
import type { Entry } from "./history.ts";
import { type Mode } from "./modes.ts";
import { newNetwork } from "./network.ts";
import { fingerprintOf, newOperator } from "./operator.ts";
import { type Act, drawPlan, type Plan, type Span, start } from "./plan.ts";
import { newRuntime, type Process } from "./process.ts";
import { type Draws, drawsOf } from "./random.ts";
import { newSecrets } from "./secrets.ts";
import { newTable } from "./table.ts";
import { newUpstream } from "./upstream.ts";

/** The only acts and faults of a run, by name; absent: all that are drawn. */
export interface Limits {
  acts?: ReadonlySet<string>;
  faults?: ReadonlySet<string>;
}

export interface World {
  plan: Plan;
  entries: Entry[];
  /** The acts, and the faults that hit. */
  acts: string[];
  faults: string[];
  upstream: ReturnType<typeof newUpstream>;
  secrets: ReturnType<typeof newSecrets>;
  table: ReturnType<typeof newTable>;
  apiHabit: ReturnType<typeof newCalls>["habit"];
  /** Instants: when faults and acts ended, and when the world did. */
  calmAt: number;
  endedAt: number;
}

const day = 86_400;
const isIn = (spans: Span[], at: number) => spans.some(({ from, until }) => at >= from && at < until);

/** Runs the world of a seed from its start until everything has come to rest. */
export async function runWorld(seed: number, mode: Mode, limits: Limits): Promise<World> {
  const plan = drawPlan(seed, mode);
  const runtime = newRuntime(seed, start);
  const { scheduler, now, record } = runtime;
  const faults = { mode, until: plan.end, only: limits.faults, hit: [] as string[] };
  const network = newNetwork(seed, runtime, faults);
  const habits = new Map(plan.connections.map((each) => [each.id as string, each.habits]));
  const upstream = newUpstream(
    runtime,
    network,
    (scope) => habits.get(scope) as Plan["connections"][number]["habits"],
    (at) => at < plan.end && isIn(plan.outages, at),
  );
  const areRegistrationsDown = () => now() < plan.end && isIn(plan.secretOutages, now());
  const secrets = newSecrets(runtime, network, lagOf, areRegistrationsDown, plan.isDatedByValue);
  const isTableDown = (isWrite: boolean) => {
    const outage = plan.tableOutages.find(({ from, until }) => now() >= from && now() < until && now() < plan.end);
    return outage !== undefined && (isWrite || !outage.writesOnly);
  };
  const table = newTable(runtime, network, isTableDown);
  const calls = newCalls(seed, runtime, network, plan, upstream, () => isTableDown(false));
  const operator = newOperator(runtime, plan, secrets, table, upstream, rotate, report);

  /** At times, what Secrets Manager returns about a secret stands still for up to 5 s. */
  function lagOf(draws: Draws, connection: string): number {
    const spell = Math.floor(now() / 5) * 5;
    const isSpell = now() < plan.end && drawsOf(seed, `lag ${connection} ${spell}`).is(mode.lag);
    return isSpell && draws.is(0.7) ? now() - spell : 0;
  }

  const eventsOf = (process: () => Process): Events => ({
    put: (event) => {
      const by = process();
      return network.call(
        by,
        "events.put",
        { attempts: 3, timeout: 1 },
        (draws) => {
          record({ kind: "event", process: by, connection: event.connection, event });
          if (event.kind !== "api_key_retirable") return;
          const key = [...upstream.keys.keys()].find((each) => fingerprintOf(each) === event.keyFingerprint) ?? "";
          upstream.announced.add(key);
          // The vendor revokes the key, sooner or later.
          if (event.apiKeyId === undefined)
            scheduler.at(now() + draws.pick([0.5, 60, 4000, day]), () => (upstream.revoke(key), false));
        },
        event.connection,
      );
    },
  });

  const portsOf = (process: () => Process): KeyPorts => ({
    table: table.portOf(process),
    registrations: secrets.registrationsOf(process),
    secrets: secrets.versionsOf(process),
    upstream: upstream.portOf(process),
    issuer: upstream.issuerOf(process),
    events: eventsOf(process),
    clock: { now: () => now() + process().ahead, sleep: (seconds) => runtime.wait(process(), seconds) },
    random: () => process().draws.next(),
    newLeaseOwner: () => `${process().id}-lease-${(process().leases += 1)}`,
    expectRotation: true,
    notice: (notice) =>
      record({
        kind: "notice",
        process: process(),
        ...(notice.connection && { connection: notice.connection }),
        notice,
      }),
  });

  /** Seconds by which the clock of an environment is ahead. */
  const aheadOf = (name: string) => (drawsOf(seed, `clock ${name}`).next() - 0.5) * plan.skew;

  /** An execution environment: its memory lasts until it dies. It serves one request at a time, or at times several. */
  interface Environment {
    ports: KeyPorts;
    service: TokenService;
    /** Only of the function calls. */
    endpoint?: CallsEndpoint;
    running: Process[];
  }
  const running = new AsyncLocalStorage<Process>();
  const partitions = new Set(plan.connections.map((each) => partitionOf(each.id)));
  const environments = new Map<number, Environment>();
  let colds = 0;

  function environmentAt(index: number, isAtOnce: boolean): [name: string, Environment] {
    const warm = environments.get(index);
    const unfinished = warm?.running.filter(({ end }) => end !== "done") ?? [];
    const isDead = unfinished.some(({ end }) => end !== undefined);
    if (warm && !isDead && (unfinished.length === 0 || isAtOnce)) return [`${index}`, warm];
    const ports = portsOf(() => running.getStore() as Process);
    const cold: Environment = { ports, service: new TokenService(ports), running: [] };
    // A busy environment stays: this request starts another one.
    const name = isDead || !warm ? index : 1000 + (colds += 1);
    environments.set(name, cold);
    return [`${name}`, cold];
  }

  function get({ id, of, environment: index, minTtl, act, choice }: Act): void {
    const { id: connection, habits: own } = plan.connections[of] as Plan["connections"][number];
    const [name, environment] = environmentAt(index, drawsOf(seed, `at once ${id}`).is(mode.atOnce));
    const process = runtime.newProcess(id, "caller", aheadOf(name));
    environment.running = [...environment.running.filter(({ end }) => end !== "done"), process];
    process.environment = name;
    const requirements: TokenRequirements = { minTtl };
    if (act === "report") {
      const stored = table.itemOf(connection)?.tokenSet?.accessToken.reveal() ?? "fake-token-none";
      Object.assign(requirements, { rejectedSha256: sha256Hex(stored), reporter: `caller-${index}` });
    }
    if (act === "named") {
      const usernames = operator.usernamesOf(connection);
      const username = usernames.at(choice < 0.8 ? -1 : Math.floor(choice * usernames.length));
      Object.assign(requirements, { registeredAs: { username } });
    }
    const { registeredAs, ...plain } = requirements;
    record({
      kind: "act",
      process,
      connection,
      text: `${act} ${registeredAs?.username ?? ""} at environment ${name}, min_ttl ${minTtl}${own.singleActive ? ", single active" : ""}`,
    });
    const serve = async (): Promise<Answer> => {
      const { service, ports } = environment;
      if (!registeredAs) return service.get(connection, plain);
      const answer = await namedToken(service, ports, connection, plain, registeredAs);
      return answer.kind === "other_names" ? { kind: "failure", failure: registeredOtherwise } : answer;
    };
    const ended = runtime.run(
      process,
      25,
      async () => {
        const startedAt = now();
        const answer = await running.run(process, serve);
        record({ kind: "served", process, connection, environment: name, requirements, startedAt, answer });
        // A request thaws a frozen environment, and has its memory.
        const again = {
          id: `${id}+`,
          at: now(),
          act: "get",
          of,
          environment: index,
          minTtl: 0,
          pause: 0,
          choice: 0,
        } as const;
        if (process.frozen > 0) scheduler.at(now() + process.draws.between(0, 60), () => get(again));
      },
      () => false,
    );
    const dieTogether = async () => {
      if ((await ended) !== "done") for (const other of environment.running) runtime.end(other, "died");
    };
    void dieTogether();
  }

  /** A call of the business API. The environments of its function are its own. */
  function call({ id, of, environment: index, choice }: Act): void {
    const { id: connection } = plan.connections[of] as Plan["connections"][number];
    const [name, environment] = environmentAt(200 + index, drawsOf(seed, `at once ${id}`).is(mode.atOnce));
    const process = runtime.newProcess(id, "caller", aheadOf(name));
    environment.running = [...environment.running.filter(({ end }) => end !== "done"), process];
    process.environment = name;
    process.connection = connection;
    const event = calls.eventOf(connection, choice);
    record({ kind: "act", process, connection, text: `call ${event.rawPath} at environment ${name}` });
    const endpoint = (environment.endpoint ??= calls.endpointOf(
      () => running.getStore() as Process,
      environment.ports,
    ));
    const ended = runtime.run(
      process,
      29,
      async () => {
        const { status, line } = await running.run(process, () => endpoint.answer(event as never));
        record({ kind: "called", process, connection, status, code: line.code });
      },
      () => false,
    );
    const dieTogether = async () => {
      if ((await ended) !== "done") for (const other of environment.running) runtime.end(other, "died");
    };
    void dieTogether();
  }

  let reports = 0;
  /** A report in an environment of its own. */
  function report(of: number): void {
    const id = `o${(reports += 1)}`;
    get({ id, at: now(), act: "report", of, environment: 100 + reports, minTtl: 60, pause: 0, choice: 0 });
  }

  function sweepOnce(id: string): void {
    for (const partition of partitions) {
      const process = runtime.newProcess(`${id}-${partition}`, "sweep", aheadOf("sweep"));
      const ports = portsOf(() => process);
      const shard = { shard: partition, shards: partitionCount };
      const bug = (error: unknown) => runtime.end(process, "failed", `bug: ${String(error)}`);
      void runtime.run(
        process,
        60,
        () => sweep(ports, shard, bug, (item) => maintainKeys(ports, item)),
        (error) => error instanceof UnavailableError,
      );
    }
  }

  let steps = 0;
  function rotate({ id: connection }: Plan["connections"][number], version: string): void {
    try {
      secrets.rotate(connection, version, async ({ step, version: of }) => {
        const runOnce = async () => {
          const process = runtime.newProcess(`r${(steps += 1)}-${step}`, "rotation", aheadOf("rotation"));
          process.version = of;
          record({ kind: "act", process, connection, text: `${step} of ${of}` });
          const ports = portsOf(() => process);
          const event = { step, secretId: connection, connection, version: of };
          const isExpected = (error: unknown) => error instanceof UnavailableError || error instanceof StepError;
          return runtime.run(process, 60, () => rotateKey(ports, event, testSettings), isExpected);
        };
        const draws = drawsOf(seed, `twice ${steps}`);
        const isTwice = now() < plan.end && draws.is(mode.twice);
        if (isTwice) scheduler.at(now() + draws.between(0, 3), () => void runOnce());
        return (await runOnce()) === "done";
      });
    } catch {
      // Secrets Manager rejects it: another rotation is unfinished.
    }
  }

  /** A caller reports its token, and meanwhile an operator runs the command `connections renew`. */
  function renew({ id, of, choice }: Act): void {
    const { id: connection } = plan.connections[of] as Plan["connections"][number];
    report(of);
    scheduler.at(now() + choice * 0.3, () => {
      const process = runtime.newProcess(id, "renewal", 0);
      record({ kind: "act", process, connection, text: "renew" });
      const work = async () => {
        if (
          (await makeDue(
            portsOf(() => process),
            connection,
          )) === "leased"
        )
          throw new StepError("leased");
      };
      const isExpected = (error: unknown) => error instanceof UnavailableError || error instanceof StepError;
      void runtime.run(process, 60, work, isExpected);
    });
  }

  operator.register();
  const acts: string[] = [];
  for (const act of plan.acts) {
    if (limits.acts?.has(act.id) === false) continue;
    acts.push(act.id);
    scheduler.at(act.at, () => {
      if (act.act === "get" || act.act === "named" || act.act === "report") return get(act);
      if (act.act === "call") return call(act);
      if (act.act === "revokeCaller" || act.act === "restoreCaller") return calls.act(act);
      if (act.act === "sweep") return sweepOnce(act.id);
      if (act.act === "renew") return renew(act);
      return operator.act(act);
    });
  }
  scheduleSweeps();
  await scheduler.runUntil(plan.end + 120);
  operator.repair();
  await comeToRest();
  return {
    plan,
    entries: runtime.entries,
    acts,
    faults: faults.hit,
    upstream,
    secrets,
    table,
    apiHabit: calls.habit,
    calmAt: plan.end + 120,
    endedAt: now(),
  };

  /** The schedule: a sweep every minute, at times late, twice or missing. A long idle time has some sweeps only. */
  function scheduleSweeps(): void {
    let inRow = 0;
    const lastAct = plan.acts.map(({ at }) => at);
    let passed = 0;
    const tick = (minute: number): unknown => {
      const at = start + minute * 60;
      if (at + 60 < plan.end + 120) scheduler.at(at + 60, () => tick(minute + 1));
      for (; (lastAct[passed] ?? Number.POSITIVE_INFINITY) <= at; passed += 1) inRow = 0;
      const isSoon = (lastAct[passed] ?? at) - at < 200;
      if (!table.isDue() || isIn(plan.missingSweeps, at) || (inRow > 12 && !isSoon)) return false;
      inRow += 1;
      const draws = drawsOf(seed, `sweep ${minute}`);
      const isLate = draws.is(0.05);
      if (draws.is(0.3))
        scheduler.at(at + draws.next() * draws.pick([0.05, 0.05, 2, 20]), () => sweepOnce(`s${minute}b`));
      scheduler.at(at + (isLate ? draws.between(1, 90) : 0), () => sweepOnce(`s${minute}`));
      return false;
    };
    scheduler.at(start, () => tick(0));
  }

  /** No faults any more. Sweeps come, then every backoff, every end of a key and every later check passes. */
  async function comeToRest(): Promise<void> {
    let count = 0;
    const sweeps = async (seconds: number) => {
      for (let left = seconds; left > 0; left -= 60) {
        if (table.isDue()) sweepOnce(`q${(count += 1)}`);
        await scheduler.runUntil(now() + 60);
      }
    };
    const askAll = async (round: string) => {
      plan.connections.forEach((_, of) =>
        get({ id: `${round}${of}`, at: now(), act: "get", of, environment: 50 + of, minTtl: 60, pause: 0, choice: 0 }),
      );
      await scheduler.runUntil(now() + 60);
    };
    // A process may still be frozen for so long.
    await sweeps(20_000);
    await scheduler.runUntil(now() + 3600);
    await sweeps(300);
    await askAll("y");
    await sweeps(600);
    await askAll("z");
    for (const wait of [day, 7 * day, 0, 3600, day, 7 * day, 3600, day, 7 * day, 3600, day, day]) {
      if (wait === 0) {
        operator.cancelStuck();
        // A shared key that a connection got by hand since its last replacement may have been announced: docs/rotating-keys.md.
        operator.repair();
      }
      await scheduler.runUntil(now() + Math.max(0, wait - 180));
      await sweeps(180);
    }
    await askAll("w");
  }
}
