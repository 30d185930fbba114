import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

// Lambda sets the credentials of the function's role.
const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_SESSION_TOKEN, AWS_REGION = "" } = process.env;
const { BROKER_URL, CONNECTION } = process.env;

const signer = new SignatureV4({
  credentials: {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  },
  region: AWS_REGION,
  service: "execute-api",
  sha256: Sha256,
});

/** Gets an access token from the broker, signed with the function's role. */
async function accessToken(): Promise<{ access_token: string; expires_in: number }> {
  const url = new URL(`/v1/connections/${CONNECTION}/token`, BROKER_URL);
  const { hostname, host, pathname: path, protocol } = url;
  const { headers } = await signer.sign({ method: "GET", protocol, hostname, path, headers: { host } });
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`The broker answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { access_token: string; expires_in: number };
}

/** Work of the service: here it would call Smart Services with the token. It never returns or logs the token. */
export async function handler(): Promise<{ secondsLeft: number }> {
  const { expires_in: secondsLeft } = await accessToken();
  return { secondsLeft };
}
