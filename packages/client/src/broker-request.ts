import { type HeldToken, readToken } from "./access-token.ts";
import type { BrokerRequest } from "./credentials.ts";
import { BrokerError, type ClientCode, readFailure } from "./errors.ts";
import type { Settings } from "./settings.ts";
import { abortable, ignoreFailure } from "./wait.ts";

/** Longest response that is read, in characters: the broker's have less than 20,000. */
const maxLength = 64 * 1024;

/**
 * Requests a token from the broker, once; twice if a connection broke, which an idle one does without an outage. The
 * timeout is for all of it.
 *
 * @throws BrokerError, and nothing else
 */
export async function requestToken(
  settings: Settings,
  connection: string,
  rejectedSha256?: string,
): Promise<HeldToken> {
  const { broker, credential, runtime, timeout, now, margin } = settings;
  const deadline = runtime.timeout(timeout);
  for (let isRetry = false; ; isRetry = true) {
    const request = await authenticated();
    const wallAtSent = runtime.wall();
    const sentAt = now();
    const answer = await send(request).catch((error: unknown) => {
      if (deadline.aborted) throw failure("timeout", `The broker did not answer in ${timeout} s.`);
      if (isRetry) throw unreachable(error, request.clean);
    });
    if (!answer) continue;
    const { response, body } = answer;
    const { status } = response;
    if (!response.ok) {
      if (!isRetry && credential.learn?.(response, runtime)) continue;
      throw readFailure(response, body, { connection, clean: request.clean });
    }
    const token = readToken(body, { connection, sentAt, wallAtSent, margin, random: runtime.random() });
    if (!token) {
      throw failure(
        "malformed_response",
        `The response of the broker is not a token response (HTTP ${status}).`,
        status,
      );
    }
    // The process may have been frozen since it sent the request.
    if (now() < token.endsAt) return token;
    if (isRetry) throw failure("timeout", "The token of the broker had expired when it arrived.");
  }

  async function authenticated() {
    let clean = (text: string) => text;
    try {
      const order = { broker, connection, rejectedSha256 };
      const request: BrokerRequest = await abortable(Promise.resolve(credential.request(order, runtime)), deadline);
      clean = (text) => request.secrets.reduce((all, secret) => all.replaceAll(secret, "[removed]"), text);
      const headers = settings.headers();
      for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
      return { ...request, headers, clean };
    } catch (error) {
      const reason = deadline.aborted ? `Its supplier did not answer in ${timeout} s.` : clean(messageOf(error));
      throw failure("credential_unavailable", `There is no credential for the broker. ${reason}`.trim());
    }
  }

  async function send({ url, method, headers, body }: Awaited<ReturnType<typeof authenticated>>) {
    // Not "error": Cloudflare's Workers do not know it.
    const redirect = "manual" as const;
    const sent = { method, headers, signal: deadline, redirect, ...(body !== undefined && { body }) };
    const response = await abortable(runtime.fetch(url, sent), deadline);
    return { response, body: parse(await readText(response)) };
  }

  async function readText(response: Response): Promise<string> {
    let text = "";
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = (await (reader && abortable(reader.read(), deadline))) ?? { done: true };
      if (done || text.length > maxLength) {
        if (!done && reader) ignoreFailure(reader.cancel());
        return text;
      }
      text += value;
    }
  }

  function unreachable(error: unknown, clean: (text: string) => string): BrokerError {
    // The error itself may hold the request, if a library made it in the `fetch` of the options.
    const { cause = error } = (error ?? {}) as Error;
    const reason = clean(messageOf(cause) || String((cause as { code?: unknown } | undefined)?.code)).slice(0, 500);
    return failure("unreachable", `The broker ${broker} is unreachable (${reason}).`);
  }

  function failure(code: ClientCode, message: string, status?: number): BrokerError {
    return new BrokerError(message, { code, status, connection });
  }
}

function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : "";
}

/** The members of a JSON object. None if the text is not one. */
function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
