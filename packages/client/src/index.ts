import { clientWith, type SmartServicesClient } from "./client.ts";
import { systemRuntime } from "./runtime.ts";
import type { ClientOptions } from "./settings.ts";

/**
 * Makes a client of the broker. Make one for the life of the process: it holds the tokens.
 *
 * @throws TypeError that names a wrong option
 */
export function createClient(options: ClientOptions): SmartServicesClient {
  return clientWith(options, systemRuntime);
}

export type { AccessToken } from "./access-token.ts";
export type { SmartServicesClient, SmartServicesConnection } from "./client.ts";
export { callerKey, type Credential, jwt } from "./credentials.ts";
export { BrokerError, type ClientCode } from "./errors.ts";
export type { ClientEvent, ClientOptions } from "./settings.ts";
