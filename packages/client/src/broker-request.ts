import { type HeldToken, readToken } from "./access-token.ts";
import type { BrokerRequest } from "./credentials.ts";
import { BrokerError, readFailure } from "./errors.ts";
import type { Settings } from "./settings.ts";
import { abortable } from "./wait.ts";

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
      if (deadline.aborted) throw timedOut();
      if (isRetry) throw unreachable(error);
    });
    if (!answer) continue;
    const { response, body, gatewayId } = answer;
    if (!response.ok) {
      if (!isRetry && credential.learn?.(response, runtime)) continue;
      throw readFailure(response, body ?? {}, { connection, gatewayId });
    }
    const token = body && readToken(body, { connection, sentAt, wallAtSent, margin, random: runtime.random() });
    if (!token) throw malformed(response.status);
    return token;
  }

  async function authenticated(): Promise<BrokerRequest> {
    try {
      const order = { broker, connection, rejectedSha256 };
      return await abortable(Promise.resolve(credential.request(order, runtime)), deadline);
    } catch (error) {
      if (deadline.aborted) throw timedOut();
      const message = error instanceof Error ? error.message : "";
      throw new BrokerError(`There is no credential for the broker. ${message}`.trim(), {
        code: "credential_unavailable",
        connection,
      });
    }
  }

  async function send({ url, method, headers, body, secrets }: BrokerRequest) {
    const allHeaders = new Headers(settings.headers?.());
    for (const [name, value] of Object.entries(headers)) allHeaders.set(name, value);
    const sent = {
      method,
      headers: allHeaders,
      signal: deadline,
      redirect: "error" as const,
      ...(body !== undefined && { body }),
    };
    const response = await abortable(runtime.fetch(url, sent), deadline);
    const text = await readText(response);
    // Parts of an error response go into errors: it may be of a proxy that repeats the request.
    const clean = (part: string) => secrets.reduce((all, secret) => all.replaceAll(secret, "[removed]"), part);
    const gatewayId = clean(response.headers.get("apigw-requestid") ?? "") || undefined;
    return { response, body: parse(response.ok ? text : clean(text)), gatewayId };
  }

  async function readText(response: Response): Promise<string> {
    let text = "";
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = (await (reader && abortable(reader.read(), deadline))) ?? { done: true };
      if (done || text.length > maxLength) {
        if (!done) void reader?.cancel();
        return text;
      }
      text += value;
    }
  }

  function timedOut(): BrokerError {
    return new BrokerError(`The broker did not answer in ${timeout} s.`, { code: "timeout", connection });
  }

  function unreachable(error: unknown): BrokerError {
    const { code, message } = ((error as Error).cause ?? error) as { code?: unknown; message?: unknown };
    const reason = String(code ?? message);
    return new BrokerError(
      `The broker ${broker} is unreachable (${reason}).`,
      { code: "unreachable", connection },
      error,
    );
  }

  function malformed(status: number): BrokerError {
    const message = `The response of the broker is not a token response (HTTP ${status}).`;
    return new BrokerError(message, { code: "malformed_response", status, connection });
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
