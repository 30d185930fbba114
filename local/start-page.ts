import { scopeWarning } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { Options } from "./options.ts";
import type { LocalRun } from "./run.ts";
import { simulatedAccount } from "./put-secrets.ts";
import { sampleCallerKey, sampleCallsKey } from "./callers/sample-callers.ts";

/**
 * What `npm start` prints when it is ready. The commands have no single quotes, so that cmd and PowerShell take them too.
 *
 * @param first the response to the first request, if there was one
 */
export function describeRun(
  running: Pick<LocalRun, "url" | "region" | "callers" | "simulator" | "origins"> &
    Pick<LocalRun, "dynamoDbUrl" | "secretsManagerUrl" | "eventBridgeUrl" | "issuerUrl">,
  options: Pick<Options, "connections" | "callers">,
  connection: string,
  first: { status: number; body: Record<string, unknown> } | undefined,
  platform: NodeJS.Platform = process.platform,
): string[] {
  const { url, region, callers, simulator } = running;
  const [orders] = callers;
  // In PowerShell, curl is another program.
  const curl = platform === "win32" ? "curl.exe" : "curl";
  const signed = `${curl} --aws-sigv4 "aws:amz:${region}:execute-api" --user ${orders?.accessKeyId}:${orders?.secretAccessKey} ${url}/v1/connections/${connection}/token`;
  const ofSample = { ...simulatedAccount(connection), apiBaseUrl: options.connections ? undefined : simulator.url };
  const { username, scope, apiBaseUrl } = { ...ofSample, ...options.connections?.[connection] };
  const vendor = `${curl} ${url}/api/v1/auth/token --form-string "username=${username}" --form-string "scope=${scope}" --form-string "token=Bearer ${sampleCallerKey}"`;
  const call = `${curl} ${url}/v1/connections/${connection}/api/api/v1/${encodeURIComponent(scope)}/CO/Customers --header "Authorization: Bearer ${sampleCallsKey}"`;
  const hasCalls = !options.callers && apiBaseUrl !== undefined;
  const listed = parseCallers(options.callers ?? [], { allowLoopbackHttp: true });
  return [
    `dynamodb ${running.dynamoDbUrl}`,
    `secretsmanager ${running.secretsManagerUrl}`,
    `eventbridge ${running.eventBridgeUrl}`,
    `simulator ${simulator.url}`,
    `issuer ${running.issuerUrl}`,
    ...(running.origins.length === 0 ? [] : [`origins ${running.origins.join(" ")}`]),
    "",
    "Get a token:",
    `  ${signed}`,
    ...(options.callers
      ? []
      : ["", "Get a token with the vendor's API (only the host and the credential differ):", `  ${vendor}`]),
    ...(hasCalls ? ["", "Call Smart Services through the broker, without a token:", `  ${call}`] : []),
    ...(first
      ? [
          "",
          `The response (HTTP ${first.status}, token shortened):`,
          `  ${JSON.stringify({ ...first.body, ...shortened(first.body["access_token"]) })}`,
        ]
      : []),
    "",
    ...scopeWarning(listed).map((text) => `warning: ${text}\n`),
    `Watch it in a browser, and simulate failures of Smart Services: ${url}/`,
    "",
    `ready ${url}`,
  ];
}

function shortened(token: unknown): object {
  return typeof token === "string" ? { access_token: `${token.slice(0, 12)}…` } : {};
}
