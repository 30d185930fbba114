import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { listenOnLoopback, type LoopbackOptions } from "../../console/loopback-server.ts";
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
  /** Received calls per operation, also failed ones. */
  calls: Map<string, number>;
  /** Starts the rotation of every secret that is due, in the background. */
  rotateDue(): void;
  /** Resolves when no rotation is running. */
  rotationsSettled(): Promise<void>;
  /** Closes every connection, and stops every rotation. Does not wait for a running step of the rotation function. */
  close(): Promise<void>;
}

/**
 * Starts an emulator of AWS Secrets Manager's JSON protocol on 127.0.0.1, without secrets. Rejects if the port is in use.
 *
 * It does not verify signatures and has no IAM and no KMS: it requires credentials and accepts any. It has no
 * replication and no resource policies. It rotates a secret that is due only when `rotateDue` is called.
 */
export async function startSecretsManager(options: StoreOptions & LoopbackOptions): Promise<SecretsManager> {
  const store = new SecretStore(options);
  const faults = new Faults();
  const calls = new Map<string, number>();

  const { url, close } = await listenOnLoopback((request, response) => {
    answer(request).then(
      (body) => send(response, 200, body),
      (error: unknown) => sendError(response, error),
    );
  }, options);

  async function answer(request: IncomingMessage): Promise<object> {
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
    if (fault !== undefined) throw fault;
    return operation(store, parse(body));
  }

  return {
    url,
    store,
    faults,
    calls,
    rotateDue: () => store.rotations.rotateDue(),
    rotationsSettled: () => store.rotations.settled(),
    async close() {
      store.rotations.stop();
      await close();
    },
  };
}

function operationName(request: IncomingMessage): string {
  const target = request.headers["x-amz-target"];
  const isOperation = request.method === "POST" && request.url === "/" && typeof target === "string";
  return isOperation && target.startsWith(SERVICE) ? target.slice(SERVICE.length) : `${request.method} ${request.url}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's message quotes the body, which may hold a secret.
    throw serialization("The request body is not JSON.");
  }
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof SecretsManagerError) {
    send(response, error.status, { __type: error.type, Message: error.message });
    return;
  }
  // The client has disconnected: not an error of the emulator.
  if (response.destroyed) return;
  console.error("secretsmanager:", error);
  send(response, 500, { __type: "InternalServiceError", Message: "An error occurred on the server side." });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() });
  response.end(JSON.stringify(body));
}
