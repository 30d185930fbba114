import { createHash } from "node:crypto";
import { readId, readWhole, type CommandResult } from "../command.ts";
import { type ApiAnswer, callApi, expectOk } from "../deployment/api.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { readSecret } from "../terminal/read-secret.ts";
import { withProgress } from "../terminal/progress.ts";

/** Asks for a token, as a caller does. Prints the token alone, so that it can be piped; `--json` prints the answer. */
export async function getToken(
  deployment: Deployment,
  id: string,
  options: { minTtl: string },
): Promise<CommandResult> {
  const connection = readId(id);
  const minTtl = readWhole("--min-ttl", options.minTtl, 0, 1800);
  const asked = callApi(deployment, `/v1/connections/${connection}/token?min_ttl=${minTtl}`);
  return tokenSaid(connection, await withProgress("asking for a token", asked));
}

/** Reports a token as rejected, by its hash, and gets another one. The token comes from a file, stdin or a prompt. */
export async function rejectToken(
  deployment: Deployment,
  id: string,
  options: { tokenFile?: string },
): Promise<CommandResult> {
  const connection = readId(id);
  const token = await readSecret("the rejected token", options.tokenFile, "--token-file");
  const hash = createHash("sha256")
    .update(token.reveal().replace(/^Bearer +/i, ""))
    .digest("hex");
  const asked = callApi(deployment, `/v1/connections/${connection}/token`, { rejected_token_sha256: hash });
  return tokenSaid(connection, await withProgress("asking for another token", asked));
}

function tokenSaid(connection: string, answer: ApiAnswer): CommandResult {
  const advice =
    answer.status === 403
      ? `your role needs execute-api:Invoke for this connection, and a clock that is right`
      : `see broker ${answer.body["code"] === "connection_not_ready" ? "connections show" : "status"} ${connection}`;
  const body = expectOk(answer, advice);
  return { text: `${String(body["access_token"])}\n`, json: body };
}
