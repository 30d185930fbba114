import type { Deployment } from "../deployment/deployment.ts";
import { isJson } from "./json.ts";
import { printErr } from "../../console/print.ts";

/**
 * Awaits a promise, and prints on stderr what it waits for if that takes over a second, and that it still waits if it takes over
 * five. Prints nothing with `--json`, where stderr holds only an error.
 */
export async function withProgress<Value>(activity: string, awaited: Promise<Value>): Promise<Value> {
  if (isJson()) return awaited;
  const timers = [
    setTimeout(() => printErr(`${activity} …\n`), 1000),
    setTimeout(() => printErr(`${activity}: nothing for 5 s, still waiting …\n`), 5000),
  ];
  try {
    return await awaited;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

export const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/** Seconds between two readings of what changes soon. AWS limits the requests of an account; a local run does not. */
export const pollSeconds = ({ local }: Pick<Deployment, "local">, onAws: number) => (local ? 0.05 : onAws);
