export interface UrlOptions {
  /** Only in the local run: URLs may use http on a loopback address. */
  allowLoopbackHttp: boolean;
}

/** The rule that a URL breaks, for a message after the field's name; `undefined` for a valid https URL. */
export function brokenUrlRule(text: string, { allowLoopbackHttp }: UrlOptions): string | undefined {
  if (!URL.canParse(text)) return "is not a URL";
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username || password) return "must not contain a user name or a password";
  if (search || hash) return "must not contain a query or a fragment";
  const isLoopback = ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  const isAllowed = protocol === "https:" || (allowLoopbackHttp && isLoopback && protocol === "http:");
  return isAllowed ? undefined : "must start with https://";
}

/** Whether a text is an https origin without a path or a wildcard. API Gateway treats https://* as every origin. */
export function isOrigin(text: string, options: UrlOptions): boolean {
  return brokenUrlRule(text, options) === undefined && new URL(text).origin === text && !text.includes("*");
}
