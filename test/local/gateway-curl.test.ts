import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findProgram } from "../support/programs.ts";
import { gateway, ORDERS } from "./gateway-harness.ts";

// Older versions sign a path or a query with special characters in other ways than AWS.
const found = findProgram("curl", "8.14");
const hasCurl = found !== undefined;
const realClock = { now: () => Date.now() / 1000 };

describe.skipIf(!hasCurl)("the gateway accepts a request that curl signed", () => {
  it.each([
    ["plain", "/files/a", []],
    ["with //", "/files//a", []],
    ["with an encoded path", "/files/a%20b%2Fc/caf%C3%A9", []],
    ["with a letter encoded for no reason", "/files/%61", []],
    ["with every mark in the path", "/files/a:b@c(1)!$*'~;=,&", []],
    ["with a query out of order", "/files/a?b=2&a=1&a=0&A=3&a-b=4&a1", []],
    ["with + in the query", "/files/a?q=1+1", []],
    ["with marks and unicode in the query", "/files/a?q=(x)!*'%7e/%2F&u=caf%C3%A9&e=a=b&&", []],
    ["with a body beyond ASCII", "/files/a", ["-H", "Content-Type: application/json", "-d", '{"città":"però €"}']],
    ["with headers of its own", "/files/a", ["-H", "X-Note:  a   b ", "-H", "X-Note: c", "-H", "X-City: Forlì"]],
    ["with a Date in the place of X-Amz-Date", "/files/a", ["-H", `Date: ${basicDate()}`]],
  ])("%s", async (_, target, args) => {
    const to = await gateway({ clock: realClock });

    const answer = await curl(`${to.url}${target}`, args);

    expect(answer).toBe("200 reached");
  });
});

// curl signs %2B as a blank. Accepting that would let one be exchanged for the other under a valid signature.
it.skipIf(!hasCurl)("the gateway rejects a request that curl signed with %2B in the query", async () => {
  const to = await gateway({ clock: realClock });

  expect(await curl(`${to.url}/files/a?q=1%2B1`, [])).toBe('403 {"message":"Forbidden"}');
});

/** Status and body, as curl got them. */
async function curl(url: string, args: string[]): Promise<string> {
  const signing = ["--aws-sigv4", "aws:amz:eu-south-1:execute-api"];
  const user = ["-u", `${ORDERS.accessKeyId}:${ORDERS.secretAccessKey}`];
  const run = promisify(execFile);
  const { stdout } = await run(String(found), ["-sS", "-g", "-w", "\n%{http_code}", ...signing, ...user, ...args, url]);
  const [body, status] = stdout.split("\n");
  return `${status} ${body}`;
}

function basicDate(): string {
  return new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
