import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { sendProbe, signedHeaders } from "./edges/probe-request.ts";
import { probeResult } from "./rules/probe-result.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("prober", settings.stage);

/** The schedule's input: the URL of a token route, its connection, and the region for the signature. */
export interface ProbeInput {
  url: string;
  connection: string;
  region: string;
}

/** Requests a token from the public URL as a caller does, then again without a signature. Does not keep the token. */
export async function handler({ url, connection, region }: ProbeInput): Promise<void> {
  const startedAt = performance.now();
  const signed = await sendProbe(url, await signedHeaders(url, region));
  const durationMs = Math.round(performance.now() - startedAt);
  const code = probeResult(signed, await sendProbe(url), Date.now() / 1000);
  telemetry.probe({ code, connection, durationMs, status: signed?.status ?? 0 });
}
