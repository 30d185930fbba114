import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import {
  type Caller,
  callersFile,
  isServed,
  parseCallers,
  type Served,
} from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readBody } from "../../console/read-body.ts";
import type { LocalFunction } from "../lambda/function.ts";
import { isFromPage } from "../../console/loopback-guard.ts";
import { answerJson } from "../../console/loopback-server.ts";
import { parseObject } from "../../console/parse-object.ts";

/** A function of a local run that serves a part of the list of callers. */
export interface ListFunction {
  /** Folder of its bundle, which has its part. */
  folder: string;
  served: Served;
  running: LocalFunction;
}

/** An entry as it is written in the list. */
type Entry = Record<string, unknown>;
/** With a `list`, that is the new one. */
type Result = { status: number; message: string; list?: Entry[] };

const options = { allowLoopbackHttp: true };

/**
 * The list of callers of a local run, and its page, which answers the command line. No web page can send these requests. The
 * page returns whether the request was one of them:
 *
 * - `GET /_local/callers`: the list. It has hashes, and no key.
 * - `POST /_local/callers` adds an entry. The functions load the new list with their next request.
 * - `POST /_local/sample-list` with a `connection`: the entries of the sample list may then use it.
 *
 * @param written the list, as in a file
 * @param functions those that serve callers with a key or a JWT: tokens, calls, both or none, as the list needs them
 */
export function callerList(
  { written, isSample }: { written: unknown; isSample: boolean },
  functions: readonly ListFunction[],
): { page: (request: IncomingMessage, response: ServerResponse) => boolean; callers: () => Caller[] } {
  let list = (Array.isArray(written) ? written : (written as { callers: unknown }).callers) as Entry[];
  const samples = new Set(isSample ? list.map(({ name }) => name) : []);

  const changes: Record<string, (body: Entry | undefined) => Result> = {
    "/_local/callers"(entry) {
      if (!entry) return { status: 400, message: "The body must be an entry of the list of callers, as JSON." };
      const added = parseCallers([entry], options);
      if (!functions.some(({ served }) => added.every((caller) => isServed(caller, served)))) {
        const what =
          entry["calls"] === undefined
            ? "No caller in its --callers has a key or an issuer"
            : "No entry in its --callers has calls";
        return { status: 409, message: `${what}. Add this caller there, and restart npm start.` };
      }
      return { status: 200, message: "Added.", list: [...list, entry] };
    },
    "/_local/sample-list"(body) {
      const connection = body?.["connection"];
      const id = typeof connection === "string" ? parseConnectionId(connection) : undefined;
      if (!id) return { status: 400, message: "Invalid connection id." };
      if (!isSample) return { status: 409, message: "It has a list of its own (--callers)." };
      const widened = list.map((entry) => {
        const { name, connections } = entry as { name: string; connections?: string[] };
        // Another entry was added with the connections that it may use.
        return connections && samples.has(name) ? { ...entry, connections: [...new Set([...connections, id])] } : entry;
      });
      return { status: 200, message: `Added ${id}.`, list: widened };
    },
  };

  async function change(request: IncomingMessage, act: (body: Entry | undefined) => Result): Promise<Result> {
    const body = await readBody(request);
    try {
      const result = act(body === "too_large" ? undefined : parseObject(body.toString()));
      if (!result.list) return result;
      const callers = parseCallers(result.list, options);
      list = result.list;
      for (const { folder, served } of functions) {
        writeFileSync(join(folder, "callers.json"), callersFile(callers, served)["callers.json"]);
      }
      await Promise.all(functions.map(({ running }) => running.restart()));
      return result;
    } catch (error) {
      return { status: 400, message: (error as Error).message };
    }
  }

  function page(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = "", headers } = request;
    const isRead = method === "GET" && url === "/_local/callers";
    const act = method === "POST" && Object.hasOwn(changes, url) ? changes[url] : undefined;
    if (!isRead && !act) return false;
    if (isFromPage(headers)) answerJson(response, 403, { message: "Forbidden" });
    else if (!act) answerJson(response, 200, { callers: list });
    else {
      change(request, act).then(
        ({ status, message }) => answerJson(response, status, { message }),
        // The client closed the connection.
        () => response.destroy(),
      );
    }
    return true;
  }

  return { page, callers: () => parseCallers(list, options) };
}
