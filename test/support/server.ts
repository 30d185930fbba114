import { createServer, type RequestListener } from "node:http";
import { onTestFinished } from "vitest";
import { listen } from "../../fixtures/listen.ts";

/** Starts a server that ends with its test. Its URL. */
export async function serve(listener: RequestListener): Promise<string> {
  const { url, close } = await listen(createServer(listener));
  onTestFinished(close);
  return url;
}
