import { STSClient } from "@aws-sdk/client-sts";
import { callApi } from "../cli/deployment/api.ts";
import { figureOf, percentile, type Report } from "./figures.ts";
import type { Target } from "./scenario.ts";

const atOnce = 20;

/** Dollars for a request, generously: gateway, function, log and table together (docs/cost.md). */
const dollars = 3 / 1_000_000;

/**
 * Measures tokens from a deployment, signed with the SDK's default credentials, beside requests without a signature, which
 * the gateway rejects: they show the network and the gateway alone.
 *
 * @throws Error if the first request gets no token
 */
export async function deployed({ url, connection, requests }: Target): Promise<Report> {
  const origin = url.replace(/\/+$/, "");
  const { config } = new STSClient({});
  const access = { url: origin, region: await config.region(), credentials: () => config.credentials() };
  const path = `/v1/connections/${encodeURIComponent(connection)}/token`;
  const signed = async () => {
    const { status, body } = await callApi(access, path);
    if (status === 200 && typeof body["access_token"] === "string") return;
    const { code, detail, message } = body as Record<string, string | undefined>;
    throw new Error(
      `${origin}${path} responded with HTTP ${status}: ${code ?? ""} ${detail ?? message ?? ""}. ` +
        "Check the URL, the connection, AWS_REGION and that these credentials may invoke the API.",
    );
  };
  const unsigned = async () => {
    const response = await fetch(origin + path, { redirect: "manual" });
    await response.arrayBuffer();
    if (response.status !== 403) throw new Error(`A request without a signature got HTTP ${response.status}, not 403.`);
  };

  await signed();
  const times = { signed: [] as number[], unsigned: [] as number[] };
  for (let request = 0; request < requests; request += 1) {
    times.unsigned.push(await timeOf(unsigned));
    times.signed.push(await timeOf(signed));
  }
  const crowd = await Promise.all(Array.from({ length: atOnce }, () => timeOf(signed)));
  const sent = 1 + 2 * requests + atOnce;
  const gateway = { name: "rejected by the gateway" };
  const p99 = (values: number[]) => [percentile(values, 0.99)];
  return {
    figures: [
      figureOf("token, one after another", "ms", times.signed, { ...gateway, values: times.unsigned }),
      figureOf("p99", "ms", p99(times.signed), { ...gateway, values: p99(times.unsigned) }),
      figureOf(`token, ${atOnce} at once`, "ms", crowd),
    ],
    notes: [
      `It sent ${sent} requests, which cost at most ${(sent * dollars).toFixed(4)} $.`,
      "The times contain the network from here to the region. Cold starts: the request lines of the log say when and how long.",
    ],
  };
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
