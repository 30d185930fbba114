import { afterAll, beforeAll } from "vitest";
import type { Browser } from "playwright-core";
import { userJwt } from "../examples/broker.ts";
import { tryExamples } from "../examples/trials.ts";
import { withoutBoundary } from "../examples/vendor-form.ts";
import { startBrowser } from "./chromium.ts";
import { servePages } from "./pages.ts";

let browser: Browser;
let pages: Awaited<ReturnType<typeof servePages>>;

beforeAll(async () => {
  // The page names the host of the example, and the servers of the tests may use any port.
  pages = await servePages("browser", { BROKER_URL: "http://127.0.0.1:*" });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await pages.close();
});

/** Fills in the page as a person does. Resolves with the shown token; rejects if the page shows an error. */
async function ask(host: string, credential: string): Promise<string> {
  const page = await browser.newPage();
  try {
    await page.goto(pages.origin);
    await page.getByLabel("Host").fill(`${host}/`);
    await page.getByLabel("JWT").fill(credential);
    await page.getByRole("button").click();
    const shown = await page.locator("#answer:not(:empty)").textContent();
    if (!shown?.startsWith("{")) throw new Error(shown ?? "nothing is shown");
    return shown;
  } finally {
    await page.close();
  }
}

tryExamples([{ name: "a browser", dialect: withoutBoundary, credential: userJwt, ask }]);
