import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { type Caller, callersFile, type Served } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
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

/** The answer to a change of the list: with a `list`, that is the new one. */
export type Change = { status: number; message: string; list?: Caller[] };

/** The list of callers in the functions' bundles. */
export function readList(functions: readonly ListFunction[]): Caller[] {
  return functions.flatMap(({ folder }) => JSON.parse(readFileSync(join(folder, "callers.json"), "utf8")) as Caller[]);
}

/**
 * Answers a POST of the command line that changes the list of callers. The functions load the new list with their next request.
 * Accepts no request of a page. Returns whether the request was for this path.
 *
 * @param change its argument is the body, `undefined` if that is no JSON object
 */
export function listPage(
  path: string,
  functions: readonly ListFunction[],
  change: (body: Record<string, unknown> | undefined) => Change,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  async function answer(request: IncomingMessage): Promise<Change> {
    if (isFromPage(request.headers)) return { status: 403, message: "Forbidden" };
    const body = await readBody(request);
    const changed = change(body === "too_large" ? undefined : parseObject(body.toString()));
    const { list } = changed;
    for (const { folder, served, running } of list ? functions : []) {
      writeFileSync(join(folder, "callers.json"), callersFile(list ?? [], served)["callers.json"]);
      await running.restart();
    }
    return changed;
  }

  return (request, response) => {
    if (request.method !== "POST" || request.url !== path) return false;
    answer(request).then(
      ({ status, message }) => answerJson(response, status, { message }),
      // The client closed the connection.
      () => response.destroy(),
    );
    return true;
  };
}
