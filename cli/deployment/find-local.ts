import { CommandError } from "../exit.ts";
import type { Deployment } from "./deployment.ts";

/** Where `npm start` is, unless it was told another port. */
export const defaultLocalUrl = "http://127.0.0.1:8787";

/** The local run's own caller: no secret, since it is in its help and on loopback only. */
const localCaller = { accessKeyId: "LOCALORDERS", secretAccessKey: "local-orders-secret" };

/**
 * Asks a local run where its parts are.
 *
 * @param url the one that it prints after `ready`
 * @throws CommandError where nothing answers, or something else does
 */
export async function findLocal(url: string): Promise<Deployment> {
  const isLoopback = URL.canParse(url) && ["127.0.0.1", "localhost"].includes(new URL(url).hostname);
  if (!isLoopback) throw new CommandError("usage", "--local-url must be the URL that npm start prints last.");
  const said = await fetch(new URL("/_local/deployment", url), { signal: AbortSignal.timeout(5000) }).catch(() => {
    const advice = "start it with npm start, or give the URL that it printed with --local-url";
    throw new CommandError("unreachable", `No local run answers at ${url}: ${advice}.`);
  });
  const found = said.ok
    ? ((await said.json().catch(() => undefined)) as Omit<Deployment, "credentials" | "flags">)
    : undefined;
  if (!found?.local) throw new CommandError("unreachable", `What answers at ${url} is no local run of this version.`);
  const flags = url === defaultLocalUrl ? " --local" : ` --local-url ${url}`;
  return { ...found, flags, credentials: () => Promise.resolve(localCaller) };
}
