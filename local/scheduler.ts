import type { DeployedSchedule } from "./assembly/deployment.ts";

/**
 * Invokes functions on their schedules, as EventBridge Scheduler does: asynchronously, once, whether or not the last
 * run has ended. A run that fails is logged, where AWS would put its event into the dead-letter queue.
 *
 * @param minute how long a minute lasts here, in seconds
 */
export function startScheduler(
  schedules: DeployedSchedule[],
  minute: number,
  invoke: (functionArn: string, input: unknown) => Promise<unknown>,
  onLog: (line: string) => void,
): { close: () => void } {
  const timers = schedules.map(({ description, everyMinutes, functionArn, input }) =>
    setInterval(
      () => {
        invoke(functionArn, input).catch((error: unknown) => onLog(`${description} failed: ${String(error)}`));
      },
      everyMinutes * minute * 1000,
    ),
  );
  return { close: () => timers.forEach((timer) => clearInterval(timer)) };
}
