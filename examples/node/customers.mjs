// Calls Smart Services with the client of packages/client, and prints the response. It keeps the token, and works while the
// broker is down. In a project of yours, install the package as packages/client/README.md says.
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CLIENT_ID   name of your entry in the broker's list of callers
//   SMART_SERVICES_CREDENTIAL  its caller key, stb_…
import { callerKey, createClient } from "@smart-token-broker/client";

for (const name of ["SMART_SERVICES_HOST", "SMART_SERVICES_CLIENT_ID", "SMART_SERVICES_CREDENTIAL"]) {
  if (process.env[name]) continue;
  console.error(`${name} is not set`);
  process.exit(1);
}
const { SMART_SERVICES_HOST: broker, SMART_SERVICES_CLIENT_ID: name, SMART_SERVICES_CREDENTIAL: key } = process.env;

// One for the life of the process: it holds the tokens.
const smartServices = createClient({ broker, connection: "webapicorso", credential: callerKey(name, key) });

try {
  const { scope } = await smartServices.token();
  const response = await smartServices.fetch(`/api/v1/${scope}/CO/Customers`);
  if (!response.ok) throw new Error(`Smart Services answered ${response.status}: ${await response.text()}`);
  console.log(await response.text());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
