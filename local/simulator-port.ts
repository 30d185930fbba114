import { type Options, UsageError } from "./options.ts";
import { samplePortalPort } from "./callers/sample-callers.ts";
import { type SimulatorOptions, startSimulator } from "./simulator/server.ts";
import type { Simulator } from "./simulator/simulator.ts";

/**
 * The port of the simulator of a run on `port`; 0, a free one, for 0. It follows from that, because callers keep the
 * simulator's URL with each token: after a restart, they find it there.
 */
export function simulatorPortOf(port: number): number {
  if (port === 0) return 0;
  const isUsable = port + 1000 <= 65_535 && port + 1000 !== samplePortalPort;
  return isUsable ? port + 1000 : port - 1000;
}

/** Starts the simulator at its port, or at a free one if another program has that. Throws UsageError if the options name it. */
export async function startSimulatorOf(
  { port, simulatorPort }: Options,
  options: SimulatorOptions,
  warn: (line: string) => void,
): Promise<Simulator> {
  const wanted = simulatorPort ?? simulatorPortOf(port);
  try {
    return await startSimulator({ ...options, port: wanted });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
    const cause = code === "EACCES" ? `This user may not listen on port ${wanted}` : `Port ${wanted} is in use`;
    if (simulatorPort !== undefined) {
      throw new UsageError(`${cause}. Choose another with --simulator-port NUMBER, or 0 for a free one.`);
    }
    warn(
      `${cause}, so the simulator has a free one. After a restart, callers use its old URL until their next token. To keep it, set --simulator-port.`,
    );
    return startSimulator({ ...options, port: 0 });
  }
}
