import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, brokerInTerminal, LocalBroker } from "./harness.ts";
import { hasPrograms } from "../support/programs.ts";

describe.skipIf(!hasPrograms("python3"))("in a terminal", () => {
  const local = new LocalBroker();
  beforeAll(() => local.start());
  afterAll(() => local.remove());

  const terminal = (args: string[], steps: [string, string][]) => brokerInTerminal([...args, ...local.options], steps);

  test("connections add prompts for missing values, and does not echo the key", async () => {
    const key = await local.issueKey("acme");

    const { status, output } = await terminal(
      ["connections", "add", "acme"],
      [
        ["Username of acme", `${account("acme").username}\r`],
        ["Scope of acme", `${account("acme").scope}\r`],
        ["API key of acme", `${key}\r`],
      ],
    );

    expect(output).toContain("Added acme.");
    expect(output).toContain("admin_acme");
    expect(output).not.toContain(key.slice(0, 20));
    expect(output).not.toContain("****");
    expect(status).toBe(0);
  });

  test("connections remove changes nothing after a no, and removes after a yes", async () => {
    await local.add("asked");

    const no = await terminal(["connections", "remove", "asked"], [["Remove asked?", "n\r"]]);
    const shown = await local.broker(["connections", "show", "asked"]);
    const yes = await terminal(["connections", "remove", "asked"], [["Remove asked?", "y\r"]]);

    expect(no).toMatchObject({ status: 1, output: expect.stringContaining("Nothing was changed") as string });
    expect(shown.status).toBe(0);
    expect(yes).toMatchObject({ status: 0, output: expect.stringContaining("Removed asked.") as string });
  });

  test("keys stage ends with one line and exit code 1 after Ctrl-C at its prompt", async () => {
    const { status, output } = await terminal(["keys", "stage", "webapicorso"], [["Next API key", "\u0003"]]);

    expect(output).toContain("error: Cancelled. Nothing was changed.");
    expect(output).not.toContain("    at ");
    expect(status).toBe(1);
  });

  test("doctor --probe offers to register what it found: Ctrl-C leaves the findings, a yes registers it", async () => {
    await local.add("offered");
    await local.scenario({ singleActiveToken: true });
    const probe = (answer: string) =>
      terminal(
        ["doctor", "--probe", "offered"],
        [
          ["Continue?", "y\r"],
          ['Set {"singleActiveToken":true}', answer],
        ],
      );

    const unanswered = await probe("\u0003");
    const accepted = await probe("y\r");
    await local.scenario({ singleActiveToken: false });

    expect(unanswered.output).toContain("a new token invalidates the previous one");
    expect(unanswered.output).not.toContain("in the registration\r\n");
    expect(accepted.output).toContain('set {"singleActiveToken":true} in the registration');
    expect([unanswered.status, accepted.status]).toEqual([0, 0]);
    expect(await local.json(["connections", "show", "offered"])).toMatchObject({
      registration: { singleActiveToken: true, username: "admin_offered" },
    });
  });
});
