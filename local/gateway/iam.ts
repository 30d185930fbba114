/**
 * The ARN of a request, as IAM sees it. Its path is the one that arrived, percent-encoding and all: how AWS sees an
 * encoded path is not documented, and this is the stricter reading for whoever is allowed exact paths.
 */
export function requestArn(
  api: { region: string; accountId: string; apiId: string; stage: string },
  method: string,
  rawPath: string,
): string {
  return `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/${api.stage}/${method}${rawPath}`;
}

/**
 * Whether one of these Allow patterns covers the ARN. `*` is any run of characters, `/` included, `?` is exactly one;
 * both see case. Does not know Deny, conditions or policy variables.
 */
export function allows(patterns: string[], arn: string): boolean {
  return patterns.some((pattern) => toRegExp(pattern).test(arn));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\/-]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}
