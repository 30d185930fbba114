import { synthesise } from "../../local/synthesise.ts";
import { accessLogBytes, fixedParts, type FixedParts } from "./fixed-parts.ts";
import { difference, type Work } from "./work.ts";
import { requestId, startCountedWorld, tokenPath } from "./world.ts";

/** Everything that the bill is made of. */
export interface Counts {
  /** A token request that memory answers, one that the table answers, and one that gets a token from Smart Services. */
  memory: Work;
  table: Work;
  upstream: Work;
  /** A sweep that finds nothing due. */
  sweep: Work;
  /** What one due connection adds to a sweep, and what the daily check of its secret adds to that. */
  replacement: Work;
  dailyCheck: Work;
  accessLogBytes: number;
  /** Of a token response, with the simulator's token. */
  responseBytes: number;
  fixed: FixedParts;
  /** With a caller that needs the OAuth function. */
  fixedWithOAuth: FixedParts;
}

/** Counts what the deployed bundles do, against embedded parts: the real handlers, sockets, log lines and templates. */
export async function countOperations(): Promise<Counts> {
  const world = await startCountedWorld();
  try {
    const token = await world.token();
    const upstream = await token.request();
    const memory = await token.request();
    const another = await world.token();
    const table = await another.request();

    const sweep = await world.sweeps();
    const idle = await sweep();
    const due = async () => {
      await world.makeDue();
      return difference(await sweep(), idle);
    };
    const first = await due();
    const replacement = await due();
    return {
      memory,
      table,
      upstream,
      sweep: idle,
      replacement,
      dailyCheck: difference(first, replacement),
      accessLogBytes: accessLogBytes(world.assembly, requestId, tokenPath()),
      responseBytes: token.responseBytes(),
      fixed: fixedParts(world.assembly),
      fixedWithOAuth: await partsWithOAuth(),
    };
  } finally {
    await world.close();
  }
}

async function partsWithOAuth(): Promise<FixedParts> {
  const callers = [{ name: "php", connections: ["acme"], keySha256: ["0".repeat(64)] }];
  const { assembly, remove } = await synthesise({ stage: "dev", connections: ["acme"], callers });
  remove();
  return fixedParts(assembly);
}
