/**
 * The ARN of a request, as IAM sees it. It keeps the percent-encoding of the path: AWS does not document how IAM sees
 * an encoded path, and this is the stricter reading for policies with exact paths.
 */
export function requestArn(
  api: { region: string; accountId: string; apiId: string; stage: string },
  method: string,
  rawPath: string,
): string {
  return `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${api.stage}/${method}${rawPath}`;
}

/**
 * Whether one of these Allow patterns matches the ARN. `*` matches any characters, also `/`. Case matters. Does not
 * support `?`, Deny, conditions or policy variables.
 */
export function allows(patterns: string[], arn: string): boolean {
  return patterns.some((pattern) => toRegExp(pattern).test(arn));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll(/[.+?^${}()|[\]\\/-]/g, String.raw`\$&`).replaceAll("*", ".*");
  return new RegExp(`^${source}$`, "s");
}
