import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

export interface GuardOptions {
  /** Names that the Host may have besides the loopback names, with any port. Default: none. */
  allowedHosts?: string[];
  /** Whether web pages may send requests: the server then checks the Origin itself. Default: no. */
  pages?: boolean;
}

/** Why a request is rejected. The message says what to do. */
export interface Rejection {
  status: 400 | 403;
  message: string;
}

const loopbackNames = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Why a request is rejected: it can come from a web page that must not reach the local run. `undefined` if it is accepted.
 *
 * A page whose name was rebound to 127.0.0.1 (DNS rebinding) sends its own name as the Host. The Host must therefore be
 * a loopback name with the server's port, or an allowed name. The authority of a target in absolute form takes
 * precedence over the Host (RFC 9112 section 3.2.2), so it must be one of these too.
 */
export function rejectionOf(request: IncomingMessage, options: GuardOptions): Rejection | undefined {
  const { headers, headersDistinct, socket, url = "" } = request;
  const port = socket.localPort ?? 0;
  const [host = "", ...others] = headersDistinct["host"] ?? [];
  if (others.length > 0) return { status: 400, message: "The request has more than one Host. Send one." };
  const names = [host, ...authorityOf(url)];
  if (!names.every((name) => isAccepted(name, port, options.allowedHosts ?? []))) {
    return {
      status: 403,
      message: `The Host of the request is not a name of the local run, which rejects it. Use http://127.0.0.1:${port}, or start the local run with --allow-host NAME.`,
    };
  }
  if (options.pages || !isFromPage(headers)) return undefined;
  return {
    status: 403,
    message: "The request comes from a web page, and this server rejects those. Send it from a program.",
  };
}

/** Whether the Origin of a request is that of its server's own page. Programs send none, and pages none with a GET. */
export function originOf({ host, origin }: IncomingHttpHeaders): "none" | "own" | "foreign" {
  if (origin === undefined) return "none";
  // A tunnel may end TLS before the local run.
  return origin === `http://${host}` || origin === `https://${host}` ? "own" : "foreign";
}

/** A name for `allowedHosts`, as browsers write it; `undefined` if the text is not a host name or an address. */
export function parseHostName(text: string): string | undefined {
  const isName = /^([\w-]+(\.[\w-]+)*|\[[\da-f:.]+\])$/i.test(text) && URL.canParse(`http://${text}`);
  return isName ? new URL(`http://${text}`).hostname : undefined;
}

/** The authority of a request target: none in origin form and of `*`. A target in no known form has an empty one. */
function authorityOf(target: string): string[] {
  if (target.startsWith("/") || target === "*") return [];
  return [/^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1] ?? ""];
}

function isAccepted(authority: string, port: number, allowedHosts: string[]): boolean {
  const [, name = "", given = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(authority.toLowerCase()) ?? [];
  return allowedHosts.includes(name) || (loopbackNames.has(name) && given === String(port));
}

/** Browsers add an Origin to every POST and preflight, and `Sec-Fetch-Site` to the other requests of a page. */
export function isFromPage({ origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || site === "cross-site" || site === "same-site";
}
