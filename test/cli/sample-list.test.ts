import { afterAll, beforeAll, expect, it } from "vitest";
import { sampleCallerKey } from "../../local/sample-callers.ts";
import { account, addCommand, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.remove());

/** A token of the vendor's API with the caller key of the sample list. The status. */
async function tokenOf(id: string): Promise<number> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...account(id), token: `Bearer ${sampleCallerKey}` }))
    form.set(name, value);
  return (await fetch(`${local.run.url("ready")}/api/v1/auth/token`, { method: "POST", body: form })).status;
}

const extend = (body: object, headers: Record<string, string> = {}) =>
  fetch(`${local.run.url("ready")}/_local/sample-list`, { method: "POST", body: JSON.stringify(body), headers });

it("the caller key of the sample list works for a connection that was added later, and add says so", async () => {
  const key = await local.issueKey("later");

  const command = [...addCommand("later"), "--rotate-every-days", "0", "--api-base-url", local.run.url("simulator")];
  const { status, stdout } = await local.broker(command, key);

  expect(status).toBe(0);
  expect(stdout).toContain("The callers of the sample list can use later too, until the local run ends.\n");
  expect(await tokenOf("later")).toBe(200);
  expect(await tokenOf("webapicorso")).toBe(200);
});

it("a page cannot extend the sample list, and neither can an invalid id", async () => {
  const statuses = [
    await extend({ connection: "other" }, { origin: local.run.url("ready") }),
    await extend({ connection: "../other" }),
    await extend({}),
  ].map(({ status }) => status);

  expect(statuses).toEqual([403, 400, 400]);
});
