export interface UrlOptions {
  /** Only in the local run: URLs may use http on a loopback address. */
  allowLoopbackHttp: boolean;
}

/** Characters. A longer text is rejected before it is parsed. */
export const maxUrlLength = 2048;

/** The rule that a URL breaks, for a message after the field's name; `undefined` for a valid https URL. */
export function brokenUrlRule(text: string, { allowLoopbackHttp }: UrlOptions): string | undefined {
  if (text.length > maxUrlLength) return "is longer than 2,048 characters";
  if (!URL.canParse(text)) return "is not a URL";
  const { protocol, username, password, search, hash } = new URL(text);
  if (username || password) return "must not contain a user name or a password";
  if (search || hash) return "must not contain a query or a fragment";
  const isAllowed = protocol === "https:" || (allowLoopbackHttp && isLoopback(text) && protocol === "http:");
  return isAllowed ? undefined : "must start with https://";
}

/** Whether the host of a URL is one of the loopback hosts of the local run. */
export function isLoopback(url: string): boolean {
  return ["127.0.0.1", "[::1]", "localhost"].includes(new URL(url).hostname);
}

/** Whether a text is an https origin without a path or a wildcard. API Gateway treats https://* as every origin. */
export function isOrigin(text: string, options: UrlOptions): boolean {
  return brokenUrlRule(text, options) === undefined && new URL(text).origin === text && !text.includes("*");
}
