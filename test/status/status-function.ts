import { startFunctionEnvironment } from "../support/function-environment.ts";
import type { Attributes } from "../../fixtures/table.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";

/** The status function on an embedded table, whose requests are recorded. */
export async function startStatus() {
  const emulators = await startFunctionEnvironment();
  const { table } = emulators;
  const proxy = await startTableProxy(table.config.endpoint);
  const environment = (variables: Record<string, string> = {}) =>
    emulators.startHttp("status", { AWS_ENDPOINT_URL_DYNAMODB: proxy.url, ...variables });

  return {
    requests: proxy.requests,
    printed: emulators.output,
    environment,
    ask: await environment(),
    put: (items: Attributes[]) => table.put(...items),
    async close() {
      await emulators.close();
      await proxy.close();
    },
  };
}
