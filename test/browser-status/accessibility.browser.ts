import axe from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser } from "../browser/chromium.ts";
import { StartedCommand } from "../local/run-harness.ts";

let run: StartedCommand;
let browser: Browser;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0", "--tick", "0.5"]);
  await run.ready();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await run?.remove();
});

it.each([
  ["light", "ok"],
  ["dark", "ok"],
  ["light", "outage"],
  ["dark", "outage"],
  ["light", "revoked"],
  ["dark", "revoked"],
] as const)("axe finds nothing on the page, %s, in the scenario %s, wide and narrow", async (colorScheme, scenario) => {
  for (const width of [1280, 390]) {
    // The page's own policy allows no script of ours.
    const context = await browser.newContext({ viewport: { width, height: 760 }, colorScheme, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(run.url("ready"));
    const button = page.getByRole("button", { name: scenario, exact: true });
    if (width < 400) await page.locator("summary").click();
    await button.click();
    const state = { ok: "fresh", outage: "retrying", revoked: "rejected" }[scenario];
    await page.locator(`#connections .badge[data-state="${state}"]`).waitFor();
    await page.addScriptTag({ content: axe.source });

    const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string }[] };

    expect(violations.map(({ id }) => id)).toEqual([]);
    await context.close();
  }
});
