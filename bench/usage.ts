import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds of CPU time of all threads of a process; NaN where the system does not say it. */
export function cpuOf(pid: number): number {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    return nanoseconds.reduce((sum, each) => sum + Number(each), 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** The highest RSS of a process so far, in bytes. Linux only. */
export function peakOf(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}
