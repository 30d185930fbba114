import { newEnvironment } from "./environment.ts";
import type { Stage } from "./stage.ts";

const neverLost = async () => false;

/**
 * Sends a request every second, each in its own environment, after the process that dies has started. Resolves with what
 * was wrong with the answers.
 */
export async function keepAsking(stage: Stage, name: string, minTtl: number, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  await stage.clock.sleep(0.5);
  for (let attempt = 1; !isOver(); attempt += 1) {
    const environment = newEnvironment(stage, `${name}${attempt}`, neverLost);
    broken.push(...(await environment([{ do: "get", minTtl }])));
    await stage.clock.sleep(1);
  }
  return broken;
}

/** Sweeps once a minute, the first time a minute from now. */
export async function keepSweeping(stage: Stage, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  for (let swept = 1; !isOver(); swept += 1) {
    await stage.clock.sleep(60);
    const environment = newEnvironment(stage, `sweep${swept}`, neverLost);
    broken.push(...(await environment([{ do: "sweep" }])));
  }
  return broken;
}
