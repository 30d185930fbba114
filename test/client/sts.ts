import { onTestFinished, vi } from "vitest";
import { startServer } from "./servers.ts";

/** A response of AWS STS, as its API reference shows it. */
export const issued = (token: string): [status: number, body: string] => [
  200,
  `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>
    <WebIdentityToken>${token}</WebIdentityToken><Expiration>2030-01-01T00:00:00Z</Expiration>
  </GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`,
];

export const rejected = (code: string, message = "Fake message"): [status: number, body: string] => [
  403,
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
];

/** A stand-in of AWS STS, for AWS's SDK. It ends with its test. */
export async function startSts(answer: () => [status: number, body: string]) {
  const sts = await startServer((_, response) => {
    const [status, body] = answer();
    response.writeHead(status, { "content-type": "text/xml" }).end(body);
  });
  vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  return sts;
}
