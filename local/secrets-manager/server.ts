import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { SecretsManagerError, serialization } from "./errors.ts";
import { Faults } from "./faults.ts";
import { OPERATIONS } from "./operations.ts";
import { SecretStore, type StoreOptions } from "./store.ts";

const SERVICE = "secretsmanager.";

export interface SecretsManager {
  /** `http://127.0.0.1:{port}`, the endpoint for an AWS SDK. */
  url: string;
  store: SecretStore;
  faults: Faults;
  /** Calls received of each operation, failed and unanswered ones included. One that was never called has no entry. */
  calls: Map<string, number>;
  /** The schedule's tick: starts the rotation of every secret whose next one has come, in the background. */
  rotateDue(): void;
  /** Resolves once no rotation is under way: each has succeeded, or was given up or cancelled. */
  rotationsSettled(): Promise<void>;
  /**
   * Drops every connection, those that wait for an answer included, and ends every rotation. It does NOT wait for a step
   * that the rotation function has under way.
   */
  close(): Promise<void>;
}

/**
 * Starts an emulator of AWS Secrets Manager's JSON protocol on 127.0.0.1, with no secrets in it. A port that is not
 * given, or 0, is a free one; rejects if the port is in use.
 *
 * It does NOT verify signatures or know IAM and KMS: any credentials will do at this endpoint, though a request must
 * carry some. It does not replicate secrets or keep resource policies, and rotates one that is due only when it
 * is told to look (`rotateDue`).
 */
export async function startSecretsManager(options: StoreOptions & { port?: number }): Promise<SecretsManager> {
  const store = new SecretStore(options);
  const faults = new Faults();
  const calls = new Map<string, number>();

  const server = createServer((request, response) => {
    answer(request).then(
      (body) => body !== undefined && send(response, 200, body),
      (error: unknown) => sendError(response, error),
    );
  });

  // Undefined leaves the request without an answer.
  async function answer(request: IncomingMessage): Promise<object | undefined> {
    const body = await text(request);
    if (request.headers.authorization === undefined) {
      throw new SecretsManagerError("MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    const name = operationName(request);
    const operation = OPERATIONS.get(name);
    if (operation === undefined) {
      throw new SecretsManagerError("UnknownOperationException", `The operation ${name} is not supported.`);
    }
    calls.set(name, (calls.get(name) ?? 0) + 1);
    const fault = faults.take(name);
    if (fault === "hang") return undefined;
    if (fault !== undefined) throw fault;
    return operation(store, parse(body));
  }

  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server),
    store,
    faults,
    calls,
    rotateDue: () => store.rotations.rotateDue(),
    rotationsSettled: () => store.rotations.settled(),
    async close() {
      store.rotations.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no TCP port.");
  return `http://127.0.0.1:${address.port}`;
}

function operationName(request: IncomingMessage): string {
  const target = request.headers["x-amz-target"];
  const asked = request.method === "POST" && request.url === "/" && typeof target === "string";
  return asked && target.startsWith(SERVICE) ? target.slice(SERVICE.length) : `${request.method} ${request.url}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own message would quote the body, which may hold a secret.
    throw serialization("The request body is not JSON.");
  }
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof SecretsManagerError) {
    send(response, error.status, { __type: error.type, Message: error.message });
    return;
  }
  // A client that went away in the middle of its request is no fault of the emulator.
  if (response.destroyed) return;
  console.error("secretsmanager:", error);
  send(response, 500, { __type: "InternalServiceError", Message: "An error occurred on the server side." });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() });
  response.end(JSON.stringify(body));
}
