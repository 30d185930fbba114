import { startFunctionEnvironment } from "../support/function-environment.ts";

export type { Line } from "../support/function-environment.ts";

/** The token function on emulators. */
export type Broker = Awaited<ReturnType<typeof startBroker>>;

/** Starts it. `environment` starts one more execution environment, with its own memory. */
export async function startBroker() {
  const emulators = await startFunctionEnvironment();
  const environment = (variables: Record<string, string> = {}) => emulators.startHttp("token", variables);
  return { ...emulators, environment, ask: await environment() };
}
