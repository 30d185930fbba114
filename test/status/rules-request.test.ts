import { describe, expect, it } from "vitest";
import { connectionId } from "../../fixtures/registration.ts";
import { readStatusRequest, writeCursor } from "../../functions/status/rules/status-request.ts";
import { statusEvent } from "../../fixtures/status-event.ts";

const read = (...of: Parameters<typeof statusEvent>) => readStatusRequest(statusEvent(...of));
const invalid = (detail: string) => ({ failure: { code: "invalid_request", detail: expect.stringContaining(detail) } });

describe("readStatusRequest", () => {
  it("reads the connection of a canonical path", () => {
    expect(read({ connection: "webapicorso" })).toEqual({ kind: "one", connection: "webapicorso" });
    expect(read({ connection: "webapicorso", rawPath: "/v1/status/web%61picorso" })).toMatchObject(
      invalid("connection"),
    );
    expect(read({ connection: "NO ID" })).toMatchObject(invalid("connection"));
  });

  it.each([
    [undefined, 100],
    ["1", 1],
    ["500", 500],
  ])("reads the limit %j as %d", (limit, number) => {
    expect(read(limit === undefined ? {} : { query: { limit } })).toEqual({ kind: "page", limit: number });
  });

  it.each(["", "0", "501", "1e2", "010", " 5", "5,5"])("rejects the limit %j", (limit) => {
    expect(read({ query: { limit } })).toMatchObject(invalid("limit must be"));
  });

  it("reads the cursor that writeCursor wrote for the last connection of a page", () => {
    const cursor = writeCursor(connectionId("webapicorso"));

    expect(read({ query: { cursor, other: "fake" } })).toEqual({ kind: "page", limit: 100, after: "webapicorso" });
  });

  it.each(["", "fake", "Mjp3ZWJhcGljb3Jzbw", Buffer.from("1:NO ID").toString("base64url"), "1:webapicorso"])(
    "rejects the cursor %j, which no page returned",
    (cursor) => {
      expect(read({ query: { cursor } })).toMatchObject(invalid("cursor must be"));
    },
  );
});
