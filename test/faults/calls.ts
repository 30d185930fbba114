import type { HttpResponse } from "../../functions/auth-core/http/response.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "../support/operator.ts";
import { oidcVerifier } from "../../functions/auth-core/adapters/jwt-verifier.ts";
import { testSettings } from "../../fixtures/registration.ts";
import type { Seen } from "./proxy.ts";
import type { Call } from "../../fixtures/fault-table.ts";
import type { Environment } from "./environment.ts";
import type { FaultWorld } from "./world.ts";

/** What is there before the fault, the requests that it hits, and what makes them. */
interface Prepared {
  connection: ConnectionId;
  environment: Environment;
  hits: (seen: Seen) => boolean;
  act: (onFailure: (error: unknown) => Promise<void>) => Promise<HttpResponse | void>;
  /** What completes the work after the fault, if that is not a caller's request. */
  again?: () => Promise<void>;
}

const hour = 3600;
const any = () => true;
const named = (name: string) => (seen: Seen) => seen.name === name;
const update = (text: string) => (seen: Seen) => seen.name === "UpdateItem" && seen.body.includes(text);
const takesLease = update("SET leaseOwner = :owner");
const writesOutcome = update(":fenceOwner");
const readsSecret = named("GetSecretValue");
const moves = (label: string) => (seen: Seen) =>
  seen.name === "UpdateSecretVersionStage" && seen.body.includes(`"${label}"`);

/** A request of a caller, after the first token is so many seconds old; 0: there is none. */
async function request(world: FaultWorld, age: number, hits: Prepared["hits"], minTtl = 60): Promise<Prepared> {
  const connection = world.register();
  if (age > 0) await world.observer.get(connection);
  world.clock.advance(age);
  const environment = world.environment();
  return { connection, environment, hits, act: () => environment.get(connection, minTtl) };
}
const expired = hour;
/** The token is valid, but has too little left for a caller that wants 1300 s. */
const ageing = 2400;

/** A rotation to a staged key, or to one of the issuer. */
async function rotation(world: FaultWorld, hits: Prepared["hits"], isIssued = false): Promise<Prepared> {
  const connection = world.register(isIssued ? { keyIssuer: world.keyIssuerUrl } : {});
  await world.observer.get(connection);
  if (!isIssued) world.operator.stage(connection, world.operator.key(connection, 2));
  const environment = world.environment();
  const rotate: Prepared["act"] = (onFailure) => world.rotate(environment, connection, onFailure);
  return { connection, environment, hits, act: rotate, again: async () => void (await rotate(async () => {})) };
}

/** A sweep over a connection with a key whose last token has expired. */
async function retirement(world: FaultWorld, hits: Prepared["hits"]): Promise<Prepared> {
  const connection = world.register({ keyIssuer: world.keyIssuerUrl });
  const environment = world.environment();
  await environment.get(connection);
  const now = world.clock.now();
  const print = fingerprintOf(keyName(connection, 0));
  await environment.ports.table.noteKey(connection, print, { since: now - 10, end: now - 5, id: "key-0" });
  const act = () => environment.sweep(connection);
  return { connection, environment, hits, act, again: act };
}

/** A sweep over a connection whose token is due. */
async function dueSweep(world: FaultWorld, hits: Prepared["hits"]): Promise<Prepared> {
  const { connection, environment } = await request(world, ageing, hits);
  return { connection, environment, hits, act: (onFailure) => environment.sweep(connection).catch(onFailure) };
}

/** A request with a JWT, after the issuer's keys were read so many seconds ago; 0: never. */
async function withJwt(world: FaultWorld, hits: Prepared["hits"], age = 0): Promise<Prepared> {
  const connection = world.register();
  const environment = world.environment();
  await environment.get(connection);
  // The refresh of known keys waits on the clock, so the clock must not wait for it.
  const endpoint = environment.endpoint(connection, age > 0 ? oidcVerifier(world.clock, testSettings) : undefined);
  const ask = () => endpoint.answer(world.withJwt(connection));
  if (age > 0) await ask();
  world.clock.advance(age);
  world.hangForEver(age > 0);
  return { connection, environment, hits, act: ask };
}

async function refused(world: FaultWorld, hits: Prepared["hits"]): Promise<Prepared> {
  const prepared = await request(world, expired, hits);
  const act = async () => {
    world.simulator.setScenario({ mode: "refused" });
    const answer = await prepared.act(async () => {});
    world.simulator.setScenario({ mode: "ok" });
    return answer;
  };
  return { ...prepared, act };
}

export const calls: Record<Call, (world: FaultWorld) => Promise<Prepared>> = {
  firstToken: (world) => request(world, 0, any),
  refresh: (world) => request(world, expired, named("POST /oauth/token")),
  bothValid: (world) => request(world, ageing, any, 1300),
  bothExpired: (world) => request(world, expired, any),
  testOfNextKey: (world) => rotation(world, any),

  readCold: (world) => request(world, 1, named("GetItem")),
  async readWarm(world) {
    const { connection, ...prepared } = await request(world, 1, named("GetItem"));
    await prepared.environment.get(connection);
    world.clock.advance(61);
    return { connection, ...prepared };
  },
  leaseExpired: (world) => request(world, expired, takesLease),
  leaseValid: (world) => request(world, ageing, takesLease, 1300),
  commit: (world) => request(world, expired, writesOutcome),
  storeFailure: (world) => refused(world, writesOutcome),
  due: (world) => dueSweep(world, named("Query")),
  readInSweep: (world) => dueSweep(world, named("GetItem")),
  noteNextKey: (world) => rotation(world, update("SET retiringKeys.#key = :key")),
  async revokedKeys(world) {
    const { connection, environment } = await request(world, 1, any);
    const endpoint = environment.endpoint(connection);
    const act = () => endpoint.answer(world.withKey(connection));
    return { connection, environment, hits: (seen) => seen.body.includes("#revoked-caller-keys"), act };
  },

  registrationFirst: (world) => request(world, 0, readsSecret),
  registrationExpired: (world) => request(world, expired, readsSecret),
  registrationValid: (world) => request(world, ageing, readsSecret, 1300),
  describe: (world) => rotation(world, named("DescribeSecret")),
  putPending: (world) => rotation(world, named("PutSecretValue")),
  moveCurrent: (world) => rotation(world, moves("AWSCURRENT")),
  removePending: (world) => rotation(world, moves("AWSPENDING")),

  rejectedEvent: (world) => refused(world, any),
  rotatedEvent: (world) => rotation(world, any),
  retirableEvent: (world) => retirement(world, any),

  discovery: (world) => withJwt(world, named("GET /.well-known/openid-configuration")),
  jwks: (world) => withJwt(world, named("GET /keys")),
  knownKeys: (world) => withJwt(world, any, 601),

  issue: (world) => rotation(world, any, true),
  revoke: (world) => retirement(world, (seen) => seen.name.startsWith("DELETE")),
};
