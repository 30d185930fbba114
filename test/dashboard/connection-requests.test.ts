import { expect, it } from "vitest";
import { ConnectionRequests } from "../../dashboard/connection-requests.ts";
import { lineAt, requestAt, start } from "./lines.ts";

const none = { memory: 0, table: 0, upstream: 0, api: 0, errors: 0 };

it("counts the requests of each connection by source, calls too, and those that got an error", () => {
  const requests = new ConnectionRequests();
  const acme = { connection: "acme" };
  requests.add(requestAt(0, acme));
  requests.add(requestAt(61, { ...acme, source: "table" }));
  requests.add(requestAt(62, { ...acme, source: "upstream", service: "oauth" }));
  requests.add(requestAt(63, { ...acme, source: "none", code: "upstream_unavailable" }));
  requests.add(requestAt(64, { ...acme, service: "status" }));
  requests.add(requestAt(64, { ...acme, service: "calls", source: "api", code: "api_4xx" }));
  requests.add(requestAt(65, { connection: "other" }));
  requests.add(lineAt(66, "replaced", { ...acme, source: "api_key" }));

  expect(requests.lastHour("acme", start + 70)).toEqual({ memory: 1, table: 1, upstream: 1, api: 1, errors: 1 });
  expect(requests.lastHour("nobody", start + 70)).toEqual(none);
});

it("counts an hour, also if no line came since", () => {
  const requests = new ConnectionRequests();
  requests.add(requestAt(0, { connection: "acme" }));

  expect(requests.lastHour("acme", start + 3599)).toEqual({ ...none, memory: 1 });
  expect(requests.lastHour("acme", start + 3600)).toEqual(none);
  requests.add(requestAt(1800, { connection: "acme" }));
  expect(requests.lastHour("acme", start + 5000)).toEqual({ ...none, memory: 1 });
});
