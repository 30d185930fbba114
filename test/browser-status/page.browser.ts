import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startBrowser } from "../browser/chromium.ts";
import { StartedCommand } from "../local/run-harness.ts";
import { makeDue } from "./due.ts";

let run: StartedCommand;
let browser: Browser;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  // A minute of every schedule lasts half a second, so that a sweep is never far.
  run = new StartedCommand(["--port", "0", "--tick", "0.5"]);
  await run.ready();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await run?.remove();
});
beforeEach(async () => {
  page = await open();
});

/** The page in its own window. Records every error of the page. */
async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1100, height: 640 }, ...options });
  onTestFinished(() => context.close());
  const opened = await context.newPage();
  faults.length = 0;
  opened.on("pageerror", (error) => faults.push(String(error)));
  opened.on("console", (message) => void (message.type() === "error" && faults.push(message.text())));
  await opened.goto(run.url("ready"));
  await row(opened).waitFor();
  return opened;
}

const row = (of = page): Locator => of.getByRole("row", { name: /webapicorso/ });
const state = (word: string) => row().locator(".state", { hasText: new RegExp(`^${word}$`) });
const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
const due = () => makeDue(run.url("dynamodb"), "webapicorso");

async function generation(): Promise<number> {
  return Number(/generation (\d+)/.exec((await row().textContent()) ?? "")?.[1]);
}

async function grownFrom(before: number): Promise<void> {
  await expect.poll(generation, { timeout: 15_000 }).toBeGreaterThan(before);
}

/** Back to a healthy connection, whatever a test has left. */
async function fix(): Promise<void> {
  await press("ok");
  await page.getByRole("button", { name: "ok", pressed: true }).waitFor();
}

describe("the status page in a browser", () => {
  it("shows the connection with its state, its lifetimes as bars, and its next action", async () => {
    await state("fresh").waitFor();

    await expect(row().textContent()).resolves.toMatch(
      /generation \d+.*(59|60) min left.*30 d left.*replacement by refresh token in \d+ min/s,
    );
    const bar = row().getByRole("meter", { name: "remaining time of the access token", exact: true });
    expect(await bar.evaluate((meter: unknown) => (meter as { value: number }).value)).toBeGreaterThan(0.9);
    expect(faults).toEqual([]);
  });

  it("shows the refresh token against the lifetime that the simulator gives it", async () => {
    await run.simulator("/_simulator", { refreshLifetime: 7200 });
    await due();

    const bar = row().getByRole("meter", { name: "remaining time of the refresh token", exact: true });
    await row().getByText("2 h left").waitFor();
    await expect.poll(() => bar.evaluate((meter: unknown) => (meter as { value: number }).value)).toBeGreaterThan(0.9);
    await run.simulator("/_simulator", { refreshLifetime: 30 * 86_400 });
    await due();
    await row().getByText("30 d left").waitFor();
  });

  it("shows a replacement without a reload", async () => {
    const before = await generation();

    await due();

    await grownFrom(before);
    await state("fresh").waitFor();
  });

  it("a button starts an outage: the connection is retrying, its token is still served, and it recovers", async () => {
    const before = await generation();

    await press("outage");
    await page.getByText("Scenario of Smart Services: outage").waitFor();
    await due();
    await state("retrying").waitFor();
    const next = await row().textContent();
    await press("Get a token");
    await page.getByText(/^webapicorso: got a token of generation \d+, valid for \d+ s$/).waitFor();
    const screenshot = process.env["SHOW_SCREENSHOT"];
    if (screenshot) await page.screenshot({ path: screenshot });
    await fix();

    expect(next).toMatch(/retry by/);
    expect(next).toContain("upstream_unavailable");
    await grownFrom(before);
    await state("fresh").waitFor();
  });

  it("a button revokes the key: the connection is rejected, and a rotated key fixes it", async () => {
    const before = await generation();
    const key = await row().locator("code").textContent();

    await press("revoked");
    await page.getByText("Scenario of Smart Services: revoked").waitFor();
    await due();
    await state("rejected").waitFor();
    await page.getByText("connection_rejected webapicorso").waitFor();
    await fix();
    await press("Rotate key");

    await grownFrom(before);
    await state("fresh").waitFor();
    expect(await row().locator("code").textContent()).not.toBe(key);
    await expect(row().textContent()).resolves.toContain("1 retiring");
    await page.getByText("connection_recovered webapicorso").waitFor();
  });

  it("works with the keyboard alone, and an update does not move the focus", async () => {
    const polled = () => page.waitForResponse((response) => response.url().endsWith("/_local/status"));
    const ask = row().getByRole("button", { name: "Get a token" });
    await ask.focus();
    await polled();
    await polled();

    await page.keyboard.press("Enter");

    await page.getByRole("status").getByText("a token of generation").waitFor();
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Get a token");
  });

  it.each(["light", "dark"] as const)(
    "fits into a narrow window, %s, and stays a table to a screen reader",
    async (scheme) => {
      const narrow = await open({ viewport: { width: 340, height: 640 }, colorScheme: scheme });

      const [wide, background] = (await narrow.evaluate(
        "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]",
      )) as [number, string];
      expect(wide).toBeLessThanOrEqual(340);
      expect(background).toBe(scheme === "light" ? "rgb(255, 255, 255)" : "rgb(20, 23, 26)");
      await narrow
        .getByRole("table")
        .getByRole("row", { name: /webapicorso/ })
        .getByRole("cell")
        .first()
        .waitFor();
      expect(await narrow.getByRole("columnheader").count()).toBe(7);
    },
  );

  it("says when the run has ended", async () => {
    await page.route("**/_local/status", (route) => route.abort());

    await page.getByText("The local run does not answer.").waitFor();
  });
});
