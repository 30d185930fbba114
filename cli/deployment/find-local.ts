import { CommandError } from "../exit.ts";
import type { Deployment } from "./deployment.ts";

/** Where `npm start` listens without `--port`. */
export const defaultLocalUrl = "http://127.0.0.1:8787";

/** The local run's own caller. Not a secret: its help prints it, and it works on loopback only. */
const localCaller = { accessKeyId: "LOCALORDERS", secretAccessKey: "local-orders-secret" };

/**
 * Requests the parts of a local run from it.
 *
 * @param url the URL that it prints after `ready`
 * @throws CommandError if no local run of this version answers
 */
export async function findLocal(url: string): Promise<Deployment> {
  const isLoopback = URL.canParse(url) && ["127.0.0.1", "localhost"].includes(new URL(url).hostname);
  const next = "Start it with npm start, and set --local-url to the URL that it prints after ready";
  if (!isLoopback) throw new CommandError("usage", "--local-url must be the URL that npm start prints after ready.");
  const response = await fetch(new URL("/_local/deployment", url), { signal: AbortSignal.timeout(5000) }).catch(() => {
    throw new CommandError("unreachable", `No local run answers at ${url}. ${next}.`);
  });
  const found = response.ok
    ? ((await response.json().catch(() => undefined)) as Omit<Deployment, "credentials" | "flags">)
    : undefined;
  if (!found?.local) {
    throw new CommandError("unreachable", `The server at ${url} is not a local run of this version. ${next}.`);
  }
  const flags = url === defaultLocalUrl ? " --local" : ` --local-url ${url}`;
  return { ...found, flags, credentials: () => Promise.resolve(localCaller) };
}
