import { parseRegistration, type Registration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { type ConnectionId, parseConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Settings } from "../../functions/auth-core/rules/settings.ts";

export const testSettings: Settings = {
  stage: "test",
  tableName: "fake-connections",
  secretPrefix: "smart-token-broker/test",
  defaultBaseUrl: "https://smart-services.test",
  allowLoopbackHttp: true,
  rotateKeysEveryDays: 0,
};

/** A valid connection id. */
export function connectionId(text: string): ConnectionId {
  const id = parseConnectionId(text);
  if (!id) throw new Error(`${text} is not a connection id`);
  return id;
}

/** The fields of a valid secret. */
export const fakeFields = {
  username: "admin_webapicorso",
  scope: "webapicorso_alywebapicorso",
  apiKey: "fake-key-1",
};

/** The registration of a secret with these fields. */
export function fakeRegistration(fields: Record<string, unknown> = {}): Registration {
  const parsed = parseRegistration(JSON.stringify({ ...fakeFields, ...fields }), testSettings);
  if (parsed.kind !== "registered") throw new Error(parsed.detail);
  return parsed.registration;
}
