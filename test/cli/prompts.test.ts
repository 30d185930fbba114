import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPrograms } from "../support/programs.ts";
import { account, brokerInTerminal, LocalBroker } from "./harness.ts";

describe.skipIf(!hasPrograms("python3"))("in a terminal", () => {
  const local = new LocalBroker();
  beforeAll(() => local.start());
  afterAll(() => local.run.remove());

  const terminal = (args: string[], steps: [string, string][]) => brokerInTerminal([...args, ...local.options], steps);

  test("what add needs is asked for, and the key is not echoed", async () => {
    const key = await local.issueKey("acme");

    const { status, output } = await terminal(
      ["connections", "add", "acme"],
      [
        ["username of acme", `${account("acme").username}\r`],
        ["scope of acme", `${account("acme").scope}\r`],
        ["API key of acme", `${key}\r`],
      ],
    );

    expect(output).toContain("acme is added");
    expect(output).toContain("admin_acme");
    expect(output).not.toContain(key.slice(0, 20));
    expect(output).not.toContain("****");
    expect(status).toBe(0);
  });

  test("a no to a removal changes nothing, and a yes removes", async () => {
    await local.add("asked");

    const no = await terminal(["connections", "remove", "asked"], [["Remove asked?", "n\r"]]);
    const shown = await local.broker(["connections", "show", "asked"]);
    const yes = await terminal(["connections", "remove", "asked"], [["Remove asked?", "y\r"]]);

    expect(no).toMatchObject({ status: 1, output: expect.stringContaining("nothing was changed") as string });
    expect(shown.status).toBe(0);
    expect(yes).toMatchObject({ status: 0, output: expect.stringContaining("asked is removed") as string });
  });

  test("Ctrl-C at a prompt is one line and status 1", async () => {
    const { status, output } = await terminal(["keys", "stage", "webapicorso"], [["next API key", "\u0003"]]);

    expect(output).toContain("error: Given up: nothing was changed.");
    expect(output).not.toContain("    at ");
    expect(status).toBe(1);
  });

  test("a removed connection is restored after a yes", async () => {
    const key = await local.add("back");
    await local.json(["connections", "remove", "back", "--yes"]);
    const { username, scope } = account("back");
    const again = ["connections", "add", "back", "--username", username, "--scope", scope];

    const { status, output } = await terminal(again, [
      ["Restore it", "y\r"],
      ["API key of back", `${key}\r`],
    ]);

    expect(output).toContain("back is added (restored)");
    expect(output).not.toContain(key.slice(0, 20));
    expect(status).toBe(0);
  });

  test("an offer that is left unanswered loses no finding", async () => {
    await local.add("unanswered");
    await local.mood({ singleActiveToken: true });

    const { status, output } = await terminal(
      ["doctor", "--probe", "unanswered"],
      [
        ["Go on?", "y\r"],
        ['Set {"singleActiveToken":true}', "\u0003"],
      ],
    );
    await local.mood({ singleActiveToken: false });

    expect(output).toContain("a replacement kills the token before it at once");
    expect(status).toBe(0);
  });

  test("the probe offers what it found, and sets it after a yes", async () => {
    await local.add("offered");
    await local.mood({ singleActiveToken: true });

    const { status, output } = await terminal(
      ["doctor", "--probe", "offered"],
      [
        ["Go on?", "y\r"],
        ['Set {"singleActiveToken":true}', "y\r"],
      ],
    );
    await local.mood({ singleActiveToken: false });

    expect(output).toContain("is set in its registration");
    expect(status).toBe(0);
    expect(await local.json(["connections", "show", "offered"])).toMatchObject({
      registration: { singleActiveToken: true, username: "admin_offered" },
    });
  });
});
