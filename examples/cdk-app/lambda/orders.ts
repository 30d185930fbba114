import { createClient } from "@smart-token-broker/client";
import { iam } from "@smart-token-broker/client/iam";

const { BROKER_URL: broker = "", CONNECTION: connection = "" } = process.env;

// Outside the handler, because it keeps the token for the next invocations. It signs with the function's role.
const smartServices = createClient({ broker, connection, credential: iam() });

/** Work of the service: calls Smart Services. It never returns or logs the token. */
export async function handler(): Promise<unknown> {
  const { scope } = await smartServices.token();
  const response = await smartServices.fetch(`/api/v1/${scope}/CO/Customers`);
  if (!response.ok) throw new Error(`Smart Services answered ${response.status}: ${await response.text()}`);
  return await response.json();
}
