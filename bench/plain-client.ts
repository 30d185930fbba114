import { get, request } from "node:http";
import { text } from "node:stream/consumers";
import type { IncomingMessage } from "node:http";

// Stands in for Lambda's runtime client where that is not installed: it handles one event after another.
const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: folder } = process.env;
const base = `http://${api}/2018-06-01/runtime/invocation`;
const load = (file: string) => import(`${folder}/${file}`) as Promise<{ handler: (...args: object[]) => unknown }>;
const { handler } = await load("index.mjs").catch(() => load("index.js"));

for (;;) {
  const next = await new Promise<IncomingMessage>((resolve, reject) =>
    get(`${base}/next`, resolve).on("error", reject),
  );
  const awsRequestId = String(next.headers["lambda-runtime-aws-request-id"]);
  const result = await handler(JSON.parse(await text(next)) as object, { awsRequestId });
  await new Promise((resolve, reject) =>
    request(`${base}/${awsRequestId}/response`, { method: "POST" }, (response) => response.resume().on("end", resolve))
      .on("error", reject)
      .end(JSON.stringify(result ?? null)),
  );
}
