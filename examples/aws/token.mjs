// Requests an access token as a service on AWS does: signs the request with a role's credentials (SigV4). Prints the
// response; fails if it is not a token. Install: npm install @smithy/signature-v4 @aws-crypto/sha256-js
//
//   SMART_SERVICES_HOST        URL of the broker, https://…
//   SMART_SERVICES_CONNECTION  id of the connection (default: webapicorso)
//   AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//                              Lambda sets them. Elsewhere use `credentials` of fromNodeProviderChain() from
//                              @aws-sdk/credential-providers, which finds the role of a task or a machine
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

function setting(name, fallback) {
  const value = process.env[name] || fallback;
  if (value !== undefined) return value;
  console.error(`${name} is not set`);
  return process.exit(1);
}

const credentials = {
  accessKeyId: setting("AWS_ACCESS_KEY_ID"),
  secretAccessKey: setting("AWS_SECRET_ACCESS_KEY"),
  sessionToken: process.env.AWS_SESSION_TOKEN,
};
const signer = new SignatureV4({ credentials, region: setting("AWS_REGION"), service: "execute-api", sha256: Sha256 });

const connection = setting("SMART_SERVICES_CONNECTION", "webapicorso");
const url = new URL(`/v1/connections/${connection}/token`, setting("SMART_SERVICES_HOST"));
const { hostname, host, pathname: path, protocol } = url;
const { headers } = await signer.sign({ method: "GET", protocol, hostname, path, headers: { host } });

// A redirect would send the session token to another server.
const response = await fetch(url, { headers, redirect: "manual" }).catch((error) => {
  console.error(`${host} cannot be reached: ${error.cause?.message ?? error.message}`);
  return process.exit(1);
});
const text = await response.text();
if (response.status === 200) {
  console.log(text);
} else {
  console.error(`The broker answered ${response.status}: ${text}`);
  process.exitCode = 1;
}
