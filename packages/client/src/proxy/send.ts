import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { urlToHttpOptions } from "node:url";
import { callFailure, Failure } from "./failure.ts";

/** Milliseconds to connect, with TLS. */
const connectTimeout = 10_000;

/** A GET or HEAD met a socket that the API had closed meanwhile. */
export class DeadSocketError extends Error {}

/** Sockets that are idle for longer than 4 s are closed: many servers close theirs after 5 s. */
const agents = {
  "http:": new http.Agent({ keepAlive: true, timeout: 4000 }),
  "https:": new https.Agent({ keepAlive: true, timeout: 4000 }),
};

export interface Sending {
  origin: string;
  /** With the query. */
  path: string;
  method: string;
  headers: Record<string, string>;
}

/**
 * Begins a request to the business API. Its body is what the caller of this function writes. It follows no redirect.
 *
 * @param seconds until the answer begins, from the last piece of the body on
 * @returns the request, and its answer, which rejects with a `Failure` or a `DeadSocketError`
 */
export function send(
  { origin, path, method, headers }: Sending,
  seconds: number,
): { sent: ClientRequest; answer: Promise<IncomingMessage> } {
  const protocol = origin.startsWith("https:") ? "https:" : "http:";
  const { request } = protocol === "https:" ? https : http;
  const { at, host } = addressOf(origin);
  // Names and values in turn: node writes them as they are, and stores them in no object.
  const pairs = ["host", host];
  for (const name in headers) pairs.push(name, headers[name] ?? "");
  const sent = request({ ...at, path, method, headers: pairs, agent: agents[protocol] });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const limit = (milliseconds: number, onEnd: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(onEnd, milliseconds);
    };
    const endLimit = () => {
      clearTimeout(timer);
      timer = undefined;
    };
    const unreachable = (why: string) => callFailure("api_unreachable", `${why} It may have processed the request.`);
    const waitForApi = () =>
      limit(seconds * 1000, () => {
        // The caller's own pauses have no limit. What follows starts the timer again.
        if (!sent.writableEnded && !sent.writableNeedDrain) return;
        const detail = `The API did not begin its answer within ${seconds} s. It may have processed the request.`;
        sent.destroy(callFailure("api_timeout", detail));
      });
    sent.once("socket", (socket) => {
      if (sent.reusedSocket) return waitForApi();
      limit(connectTimeout, () => {
        sent.destroy(callFailure("api_unreachable", "It takes too long to connect to the API."));
      });
      socket.once(protocol === "https:" ? "secureConnect" : "connect", waitForApi);
    });
    const startAgain = () => void timer?.refresh();
    sent.on("pipe", (body) => body.on("data", startAgain)).once("finish", startAgain);
    let isAnswered = false;
    sent.on("error", (error: Error & { code?: string }) => {
      const { code = "" } = error;
      if (error instanceof Failure) reject(error);
      else if (sent.reusedSocket && (code === "ECONNRESET" || code === "EPIPE")) {
        reject(new DeadSocketError(code, { cause: unreachable("The API closed the connection.") }));
      } else if (code.startsWith("HPE_")) {
        reject(callFailure("api_invalid_response", "The API answered with bytes that are not HTTP."));
      } else reject(unreachable(`The API cannot be reached, or closed the connection (${code || error.message}).`));
    });
    // After a 101, node closes the socket, and neither answers nor fails.
    sent.on("close", () => {
      endLimit();
      // An error has a stack trace, which costs more than all else here.
      if (!isAnswered) reject(unreachable("The API closed the connection."));
    });
    sent.once("response", (response) => {
      isAnswered = true;
      endLimit();
      // Node takes a reset for the end of an answer that has no length.
      sent.once("error", (error) => {
        if (!response.complete) response.destroy(error);
      });
      resolve(response);
    });
  });
  return { sent, answer };
}

/** Where each origin is, and its Host. There are few: they come from the broker and from the settings. */
const addresses = new Map<string, { at: RequestOptions; host: string }>();

function addressOf(origin: string): { at: RequestOptions; host: string } {
  const known = addresses.get(origin);
  if (known) return known;
  const url = new URL(origin);
  const { hostname, port } = urlToHttpOptions(url);
  const address = { at: { hostname, port }, host: url.host };
  addresses.set(origin, address);
  return address;
}
