import { createServer } from "node:http";
import { listen } from "../../fixtures/listen.ts";
import { synthesise } from "../../local/synthesise.ts";
import { accessLogBytes, fixedParts, type FixedParts } from "./fixed-parts.ts";
import { difference, type Work } from "./work.ts";
import { callRoute, callsCaller, requestId, startCountedWorld, tokenPath } from "./world.ts";

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
  /** A call by caller key whose token is in memory. The business API's time and bytes are assumed. */
  call: Work;
  accessLogBytes: number;
  callAccessLogBytes: number;
  /** Of a token response, with the simulator's token. */
  responseBytes: number;
  fixed: FixedParts;
  /** With a caller that needs the OAuth function. */
  fixedWithOAuth: FixedParts;
  /** With a caller that needs the function calls. */
  fixedWithCalls: FixedParts;
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
      accessLogBytes: accessLogBytes(world.assembly, requestId, { httpMethod: "GET", path: tokenPath() }),
      responseBytes: token.responseBytes(),
      fixed: fixedParts(world.assembly),
      fixedWithOAuth: await partsWithOAuth(),
      ...(await countCall()),
    };
  } finally {
    await world.close();
  }
}

async function countCall(): Promise<Pick<Counts, "call" | "callAccessLogBytes" | "fixedWithCalls">> {
  const api = await listen(createServer((_, response) => response.end("{}")));
  const world = await startCountedWorld([callsCaller], { apiBaseUrl: api.url });
  try {
    return {
      call: await world.call(),
      callAccessLogBytes: accessLogBytes(world.assembly, requestId, { routeKey: callRoute }),
      fixedWithCalls: fixedParts(world.assembly),
    };
  } finally {
    await world.close();
    await api.close();
  }
}

async function partsWithOAuth(): Promise<FixedParts> {
  const callers = [{ name: "php", connections: ["acme"], keySha256: ["0".repeat(64)] }];
  const { assembly, remove } = await synthesise({ stage: "dev", connections: ["acme"], callers });
  remove();
  return fixedParts(assembly);
}
