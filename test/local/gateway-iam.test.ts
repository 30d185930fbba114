import { describe, expect, it } from "vitest";
import { allows } from "../../local/gateway/iam.ts";
import { gateway, ORDERS, send, signed } from "./gateway-harness.ts";

describe("an Allow pattern", () => {
  const API = "arn:aws:execute-api:eu-south-1:123456789012:api1/$default";
  it.each([
    ["itself", `${API}/GET/v1/status`, true],
    ["not a longer path", `${API}/GET/v1/statu`, false],
    ["not an ARN that only ends so", "GET/v1/status", false],
    ["not a shorter path", `${API}/GET/v1/status/x`, false],
    ["with * any run of characters across /", `${API}/GET/*us`, true],
    ["with * also nothing", `${API}/GET/v1/status*`, true],
    ["with . only a dot", `${API}/GET/v1.status`, false],
    ["with an eye for case", `${API}/GET/v1/STATUS`, false],
    ["with * everything", "*", true],
  ])("covers %s", (_, pattern, covered) => {
    expect(allows([pattern], `${API}/GET/v1/status`)).toBe(covered);
  });

  it("matches nothing if there is no pattern", () => {
    expect(allows([], `${API}/GET/v1/status`)).toBe(false);
  });
});

describe("an identity", () => {
  it("with permission for one connection is rejected for another", async () => {
    const to = await gateway();

    const own = await send(to, await signed(to, { path: "/v1/connections/webapicorso/token" }));
    const another = await send(to, await signed(to, { path: "/v1/connections/another/token" }));

    expect(own.status).toBe(200);
    expect(another).toMatchObject({ status: 403, text: '{"message":"Forbidden"}' });
    expect(to.lines[1]).toMatchObject({ refused: "not_allowed", userArn: ORDERS.userArn });
    expect(to.events).toHaveLength(1);
  });

  it("with permission for an exact path is rejected for the same path in another encoding", async () => {
    const to = await gateway();

    const answer = await send(to, await signed(to, { path: "/v1/connections/%77ebapicorso/token" }));

    expect(answer.status).toBe(403);
    expect(to.lines).toMatchObject([{ refused: "not_allowed" }]);
  });

  it("with permission for one method is rejected for another", async () => {
    const allow = ORDERS.allow.map((arn) => arn.replace("/*/", "/GET/"));
    const to = await gateway({ identities: [{ ...ORDERS, allow }] });

    const get = await send(to, await signed(to, { method: "GET" }));
    const post = await send(to, await signed(to, { method: "POST" }));

    expect([get.status, post.status]).toEqual([200, 403]);
  });

  it("is not required on a route without authorization", async () => {
    const to = await gateway();

    const answer = await send(to, { method: "GET", target: "/open/a" });

    expect(answer.status).toBe(200);
    expect(to.events[0]?.requestContext).not.toHaveProperty("authorizer");
  });
});
