import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeAll, it } from "vitest";
import { startWithClient } from "./secrets-manager-client.ts";
import { labelRules, newSubject } from "./secrets-manager-label-rules.ts";

let client: SecretsManager;
beforeAll(async () => {
  const started = await startWithClient({ clock: { now: () => 1_790_000_000 }, invokeRotation: async () => undefined });
  ({ client } = started);
  return started.close;
});

it.each(labelRules)("$name", async ({ check }) => check(await newSubject(client)));
