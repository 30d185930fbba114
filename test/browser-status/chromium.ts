import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

// Debian's, of its package chromium.
const executablePath = "/usr/bin/chromium";

export const hasBrowser = existsSync(executablePath);

/** Starts a browser that asks nobody but the tests for anything. */
export function startBrowser(): Promise<Browser> {
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet];
  return chromium.launch({ executablePath, args });
}
