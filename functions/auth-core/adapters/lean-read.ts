import type { AttributeValue, GetItemCommandInput } from "@aws-sdk/client-dynamodb";
import type { IncomingMessage } from "node:http";
import type { AwsAccess } from "../rules/aws-access.ts";
import { UnavailableError } from "../rules/failure.ts";
import { readBody } from "./read-body.ts";
import { signedHeaders } from "./signed-headers.ts";

/** Milliseconds for a whole read. */
const timeout = 1000;

/** An item has at most 400 KB. JSON can be longer. */
const maxBodyBytes = 1024 * 1024;

/** Milliseconds after which a read can only fail because Lambda froze the environment meanwhile. */
const frozenAfter = 2 * timeout;

/** A keep-alive socket that was closed before it answered, perhaps while the environment was frozen. */
class DeadSocketError extends Error {}

/**
 * Reads items with GetItem, over node's own HTTP and without the SDK, which takes longer to load than to answer.
 *
 * Makes one attempt within 1 s; a second one only if the first used a socket that the server had closed. Throws for
 * everything but a complete response 200 with the right checksum: a `TimeoutError` after 1 s, and an `UnavailableError` if
 * Lambda froze the environment meanwhile.
 */
export function leanRead(
  access: AwsAccess,
): (input: GetItemCommandInput) => Promise<Record<string, AttributeValue> | undefined> {
  // As an ES module, node:http also loads node's fetch, which takes longer than all else here.
  const { Agent, request } = process.getBuiltinModule(access.origin.startsWith("https:") ? "node:https" : "node:http");
  let agent = new Agent({ keepAlive: true });

  async function send(body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const signed = signedHeaders(access, "DynamoDB_20120810.GetItem", body, new Date());
    const headers = { ...signed, "user-agent": "smart-token-broker" };
    return new Promise((resolve, reject) => {
      const sent = request(access.origin, { method: "POST", headers, agent, signal });
      sent.on("error", (error) => reject(sent.reusedSocket ? new DeadSocketError(error.message) : error));
      // Loaded while DynamoDB answers.
      sent.on("finish", () => process.getBuiltinModule("node:zlib"));
      sent.on("response", resolve).end(body);
    });
  }

  return async (input) => {
    const body = JSON.stringify(input);
    const startedAt = Date.now();
    const signal = AbortSignal.timeout(timeout);
    const sent = send(body, signal).catch((error: unknown) => {
      if (!(error instanceof DeadSocketError)) throw error;
      // The other sockets of this agent are as old.
      agent = new Agent({ keepAlive: true });
      return send(body, signal);
    });
    try {
      return await itemIn(await sent);
    } catch (error) {
      if (Date.now() - startedAt > frozenAfter) throw new UnavailableError("The environment was frozen.");
      throw signal.aborted ? signal.reason : error;
    }
  };
}

async function itemIn(response: IncomingMessage): Promise<Record<string, AttributeValue> | undefined> {
  const bytes = await readBody(response, maxBodyBytes);
  const { crc32 } = process.getBuiltinModule("node:zlib");
  const { "content-length": length, "x-amz-crc32": checksum } = response.headers;
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}`);
  if (length !== String(bytes.length) || checksum !== String(crc32(bytes))) {
    throw new Error("its length or checksum is missing or wrong");
  }
  return (JSON.parse(bytes.toString()) as { Item?: Record<string, AttributeValue> }).Item;
}
