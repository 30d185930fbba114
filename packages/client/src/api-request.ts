import type { AccessToken } from "./access-token.ts";
import type { Runtime } from "./runtime.ts";

/** A request to the business API: where it goes, and whether it can be sent twice. */
export class ApiRequest {
  readonly #url: URL;
  readonly #input: Request | undefined;
  readonly #init: RequestInit | undefined;
  /** Whether the body can be sent again: a stream cannot. */
  readonly canRepeat: boolean;

  /** @throws TypeError if the URL is not one of the API: the token must not leave its origin */
  constructor(input: string | URL | Request, init: RequestInit | undefined, apiBaseUrl: string | undefined) {
    this.#url = apiUrl(input, apiBaseUrl);
    this.#input = input instanceof Request ? input : undefined;
    this.#init = init;
    this.canRepeat = isRepeatable(init?.body);
  }

  send(runtime: Runtime, { accessToken }: AccessToken): Promise<Response> {
    const headers = new Headers(this.#init?.headers ?? this.#input?.headers);
    headers.set("authorization", `Bearer ${accessToken}`);
    // A copy, because the body of a Request can be read once. It stays in memory until the response.
    return runtime.fetch(this.#input?.clone() ?? this.#url, { ...this.#init, headers });
  }

  /** Whether a redirect led to another origin. `fetch` sends no Authorization there, so its 401 rejects no token. */
  leftOrigin({ redirected, url }: Response): boolean {
    return redirected && new URL(url).origin !== this.#url.origin;
  }
}

/**
 * The URL of a request. A path is appended to the base URL, whose own path stays; an absolute URL must have its origin.
 *
 * @throws TypeError
 */
export function apiUrl(input: string | URL | Request, apiBaseUrl: string | undefined): URL {
  if (typeof input !== "string" && !(input instanceof URL) && !(input instanceof Request)) {
    throw new TypeError("fetch: give a text, a URL or a Request of this runtime.");
  }
  if (apiBaseUrl === undefined) {
    throw new TypeError("The connection has no apiBaseUrl. Register it at the broker, or set the option apiBaseUrl.");
  }
  const base = apiBaseUrl.replace(/[?#].*$/, "").replace(/\/+$/, "");
  const { origin, pathname } = new URL(base);
  const text = input instanceof Request ? input.url : String(input);
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.origin === origin) return url;
    throw new TypeError(
      `The request goes to ${url.origin}, not to the business API ${origin}. Its token is for no other.`,
    );
  }
  const url = new URL(text.startsWith("/") || text.startsWith("?") ? base + text : `${base}/${text}`);
  const folder = pathname === "/" ? "/" : `${pathname}/`;
  const isInside = url.pathname === pathname || url.pathname.startsWith(folder);
  if (url.origin === origin && isInside) return url;
  throw new TypeError(`The path leads out of the business API's base URL ${base}. Remove '..' from it.`);
}

function isRepeatable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === "string" ||
    ArrayBuffer.isView(body) ||
    [ArrayBuffer, Blob, FormData, URLSearchParams].some((type) => body instanceof type)
  );
}
