import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BatchWriteItemCommand, DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { startBrowser } from "../browser/chromium.ts";
import { StartedCommand } from "../local/run-harness.ts";
import { storedItemAt } from "../status/items.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";

const count = 1000;

let run: StartedCommand;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
  await storeMany();
  browser = await startBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
  await page.goto(run.url("ready"));
  await page.getByText(`· ${count + 1}`).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await run?.remove();
});

/** Stores a thousand connections, one of them failing. */
async function storeMany(): Promise<void> {
  const client = new DynamoDBClient(emulatorConfig(run.url("dynamodb")));
  const { TableNames: [table = ""] = [] } = await client.send(new ListTablesCommand());
  const now = Date.now() / 1000;
  const lastError = { code: "credentials_rejected" as const, detail: "Smart Services rejected the API key.", at: now };
  const items = Array.from({ length: count }, (_, at) =>
    storedItemAt(now, `many-${at}`, {
      attemptedAt: now - 600,
      ...(at === 777 && { failures: 1, lastError, retryAt: now + 600 }),
    }),
  );
  for (let from = 0; from < count; from += 25) {
    const batch = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  client.destroy();
}

const bars = () => page.locator("#connections .bar").count();

it("a page of a thousand connections draws only the lanes near the window, worst first", async () => {
  const first = page.locator("#connections li").first();

  await first.getByRole("button", { name: "many-777", exact: true }).waitFor();
  await expect(page.locator("#inspector h2").textContent()).resolves.toBe("many-777 rejected");
  await expect.poll(bars).toBeGreaterThan(0);
  expect(await bars()).toBeLessThan(100);
  expect(await page.locator("#connections li").count()).toBe(count + 1);
});

it("a page of a thousand connections finds one by its name", async () => {
  await page.getByLabel("Find a connection").fill("many-99");

  await page.getByText(`· 11 of ${count + 1}`).waitFor();
  await page.getByLabel("Find a connection").fill("");
});

it("a page of a thousand connections draws a lane when it comes into view", async () => {
  const last = page.locator("#connections li").last();

  await last.scrollIntoViewIfNeeded();

  await last.locator(".bar").first().waitFor();
});

it("a page of a thousand connections stays quick: no task of an update takes a quarter of a second", async () => {
  const longest = await page.evaluate(`new Promise((resolve) => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ type: "longtask", buffered: false });
    const reads = [];
    new PerformanceObserver((list) => {
      reads.push(...list.getEntries().filter(({ name }) => name.includes("/_dashboard/data")));
      const longest = () => resolve(Math.max(0, ...tasks.map(({ duration }) => duration)));
      // The second one begins after the first one was shown.
      if (reads.length >= 2) requestAnimationFrame(() => requestIdleCallback(longest));
    }).observe({ type: "resource", buffered: false });
    scrollTo(0, 0);
  })`);

  if (process.env["SHOW_FIGURES"]) console.log(`longest task of an update: ${String(longest)} ms`);
  expect(longest).toBeLessThan(250);
});

it.each([1280, 900, 850, 800])(
  "a page of a thousand connections keeps axis and legend beside the lanes, and no bar over the inspector, %i px wide",
  async (width) => {
    await page.setViewportSize({ width, height: 760 });
    await page.evaluate("document.querySelector('details').open = true; scrollTo(0, 0)");
    const box = async (selector: string) => (await page.locator(selector).first().boundingBox())!;
    const [axis, lane, legend, bar] = [
      await box(".ticks"),
      await box(".lane"),
      await box(".legend"),
      await box("footer"),
    ];
    const isSeen = (selector: string, block: string) =>
      page.evaluate(`{
        const node = [...document.querySelectorAll("${selector}")].at(-1);
        node.scrollIntoView({ block: "${block}" });
        const { left, right, top, bottom } = node.getBoundingClientRect();
        node.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
      }`);

    expect(lane).toMatchObject({ x: axis.x, width: axis.width });
    expect(legend.y + legend.height).toBeLessThan(bar.y + 1);
    expect([await isSeen("#inspected", "start"), await isSeen("#inspector dd", "end")]).toEqual([true, true]);
  },
);

it("a page of a thousand connections has the inspector one screen below the first lane on a phone", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const top = async (selector: string) => (await page.locator(selector).first().boundingBox())?.y ?? Infinity;

  await expect.poll(async () => (await top("#inspected")) - (await top("#connections"))).toBeLessThan(844);
});
