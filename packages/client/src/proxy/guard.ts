import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { callFailure, Failure, invalid } from "./failure.ts";

/** Names that the Host of a request may have, besides `allowHosts`. */
const ownNames = ["smart-services", "localhost", "127.0.0.1", "[::1]"];

/** Rejects what a web page can send, and who does not know the secret. */
export class Guard {
  readonly #names: ReadonlySet<string>;
  #secret: Buffer | undefined;

  /** @param secret that callers must send. Absent: the socket's mode decides who may call */
  constructor(allowHosts: readonly string[], secret: string | undefined) {
    this.#names = new Set([...ownNames, ...allowHosts.map((name) => name.toLowerCase())]);
    if (secret !== undefined) this.setSecret(secret);
  }

  setSecret(secret: string): void {
    this.#secret = hash(secret);
  }

  /** @throws Failure */
  check({ url = "", headers, headersDistinct }: IncomingMessage): void {
    if (!url.startsWith("/")) throw invalid("The request target must be a path: this is no forward proxy.");
    const [host = "", ...others] = headersDistinct["host"] ?? [];
    const name = host.toLowerCase().replace(/:\d+$/, "");
    if (others.length > 0 || !this.#names.has(name)) {
      throw new Failure(
        403,
        "host_not_allowed",
        "The Host is not a name of the proxy. Use smart-services, localhost, or --allow-host NAME.",
      );
    }
    if (headers.origin !== undefined || headers["sec-fetch-site"] !== undefined) {
      throw new Failure(403, "page_not_allowed", "The request comes from a web page. Send it from a program.");
    }
    if (this.#secret && !timingSafeEqual(this.#secret, hash(secretIn(headers.authorization)))) {
      throw callFailure("credential_not_accepted", "Send the proxy's secret as Authorization: Bearer.");
    }
    if (/\bwebsocket\b/i.test(headers.upgrade ?? "")) {
      throw new Failure(501, "upgrade_not_supported", "The proxy passes on no WebSocket.");
    }
  }
}

/** The secret of `Bearer`, or of Basic with any name, as clients send it for a URL like `http://proxy:SECRET@…`. */
function secretIn(authorization = ""): string {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== "basic") return value;
  const text = Buffer.from(value, "base64").toString();
  return text.slice(text.indexOf(":") + 1);
}

const hash = (text: string) => createHash("sha256").update(text).digest();
