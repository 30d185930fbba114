import type { DeployedSchedule } from "./assembly/deployment.ts";

/**
 * Invokes functions on their schedules, as EventBridge Scheduler does: asynchronously, once, even while the previous
 * run is still going. It logs a run that fails; on AWS the event goes to the dead-letter queue.
 *
 * @param minute seconds that one minute lasts
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
