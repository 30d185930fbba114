import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** The machine of a run, and how busy it was when the run started. */
export function machine() {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    /** Processes that ran or waited, on average over the last minute. More than `cores`: do not trust times. */
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

export function machineText({ processor, cores, memoryGb, system, node, load }: ReturnType<typeof machine>): string {
  return `${processor}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, load ${load} at the start`;
}
