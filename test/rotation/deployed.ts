import { expect, onTestFinished } from "vitest";
import { type Line, startFunctionEnvironment } from "../support/function-environment.ts";

/** The token-rotation function as it is deployed: the bundle, under the clock of this machine. */
export type Deployed = Awaited<ReturnType<typeof startDeployed>>;

/**
 * Starts it with an empty table and no secret; it ends with the test that started it.
 *
 * @param tableUrl the table's endpoint, if it is not the embedded table
 */
export async function startDeployed(tableUrl?: string) {
  const environment = await startFunctionEnvironment();
  onTestFinished(() => environment.close());
  const { table, secrets, simulator, output } = environment;
  return {
    table,
    secrets,
    simulator,
    invoke: await environment.start(
      "token-rotation",
      tableUrl === undefined ? {} : { AWS_ENDPOINT_URL_DYNAMODB: tableUrl },
    ),
    /** What it printed when `sweeps` sweeps have completed: a line may arrive after its invocation's end. */
    async printed(sweeps: number) {
      const parsed = () => output.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
      const completed = () => parsed().filter(({ message }) => message === "sweep");
      await expect.poll(() => completed().length, { timeout: 10_000 }).toBe(sweeps);
      return { text: output.join("\n"), sweeps: completed() };
    },
  };
}
