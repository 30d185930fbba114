import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { DueOutcome } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import type { DashboardSource } from "../../dashboard/contract.ts";
import type { Scenario } from "../simulator/scenario.ts";
import { rotateKey } from "./rotate-key.ts";
import { requestToken } from "./request-token.ts";
import { scenarioNamed } from "./scenarios.ts";
import { allStatuses, type LocalParts } from "./parts.ts";

/** Connections that are made due at the same time. */
const lanes = 16;

/** The buttons of the local run. Every one takes effect now: it makes connections due and runs a sweep. */
export function localActions(
  parts: LocalParts,
  switches: { shortTokens: boolean },
  profile: () => Partial<Scenario>,
): DashboardSource["actions"] {
  const { simulator, secrets, secretName } = parts;

  /** Makes these connections due and replaces them. Does not wait for the replacements. */
  async function replace(ids: ConnectionId[]): Promise<DueOutcome[]> {
    const waiting = [...ids];
    const made: DueOutcome[] = [];
    const lane = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) made.push(await parts.makeDue(id));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    // A sweep that fails is in the log, and the schedule runs the next one.
    if (made.includes("due")) parts.sweep().catch(() => undefined);
    return made;
  }
  async function replaceAll(): Promise<number> {
    const ids = (await allStatuses(parts.table, parts.clock.now())).map(({ connection }) => connection);
    return (await replace(ids)).filter((outcome) => outcome === "due").length;
  }

  return {
    async scenario({ scenario }) {
      const chosen = scenarioNamed(scenario, profile());
      if (!chosen) throw new Error("Unknown scenario.");
      simulator.setScenario(chosen);
      const due = await replaceAll();
      return { message: `Smart Services: ${String(scenario)}. ${started(due)}` };
    },
    async lifetime({ short }) {
      if (typeof short !== "boolean") throw new Error("short must be true or false.");
      switches.shortTokens = short;
      simulator.setScenario({ lifetime: profile().lifetime ?? 3600 });
      const due = await replaceAll();
      return {
        message: `New tokens last ${short ? "two minutes" : "as long as before"}. ${started(due)}`,
      };
    },
    async replace({ connection }) {
      if (connection === undefined) return { message: started(await replaceAll()) };
      const id = readId(connection);
      const [outcome] = await replace([id]);
      if (outcome === "leased") return { message: `Replacements of ${id} are running. Press the button again later.` };
      return { message: outcome === "due" ? started(1, id) : `${id} has no token yet. Get one first.` };
    },
    async token({ connection }) {
      const id = readId(connection);
      return { message: `${id}: ${await requestToken(parts, id)}` };
    },
    async rotation({ connection }) {
      const id = readId(connection);
      return { message: `${id}: ${await rotateKey(secrets, secretName(id), simulator)}` };
    },
  };
}

const started = (count: number, what = count === 1 ? "1 connection" : `${count} connections`) =>
  `The replacement of ${what} was started.`;

function readId(text: unknown): ConnectionId {
  const id = typeof text === "string" ? parseConnectionId(text) : undefined;
  if (!id) throw new Error("Invalid connection id.");
  return id;
}
