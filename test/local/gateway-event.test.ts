import { describe, expect, it } from "vitest";
import { gateway, NOW, ORDERS, send, signed } from "./gateway-harness.ts";

describe("the event of a function", () => {
  it("is complete payload format 2.0, with the caller", async () => {
    const to = await gateway();
    const path = "/v1/connections/webapicorso/token";
    const headers = { "user-agent": "test/1", "content-type": "application/json" };

    await send(to, await signed(to, { method: "POST", path, query: { min_ttl: "60" }, headers, body: '{"a":"è"}' }));

    const routeKey = "POST /v1/connections/{connection}/token";
    const host = `127.0.0.1:${to.port}`;
    expect(to.events).toEqual([
      {
        version: "2.0",
        routeKey,
        rawPath: path,
        rawQueryString: "min_ttl=60",
        headers: expect.objectContaining({ ...headers, host, authorization: expect.stringContaining("AWS4-") }),
        queryStringParameters: { min_ttl: "60" },
        requestContext: {
          accountId: "123456789012",
          apiId: "api1",
          authorizer: {
            iam: {
              accessKey: ORDERS.accessKeyId,
              accountId: "123456789012",
              callerId: ORDERS.accessKeyId,
              cognitoIdentity: null,
              principalOrgId: null,
              userArn: ORDERS.userArn,
              userId: ORDERS.accessKeyId,
            },
          },
          domainName: host,
          domainPrefix: "127",
          http: { method: "POST", path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test/1" },
          requestId: expect.stringMatching(/^[\w+/]{15}=$/),
          routeKey,
          stage: "$default",
          time: "24/Nov/2026:08:00:00 +0000",
          timeEpoch: NOW * 1000,
        },
        pathParameters: { connection: "webapicorso" },
        body: '{"a":"è"}',
        isBase64Encoded: false,
      },
    ]);
  });

  it("leaves out absent parts", async () => {
    const to = await gateway();

    await send(to, { method: "GET", target: "/open/a" });

    expect(to.events[0]).toMatchObject({ rawQueryString: "", isBase64Encoded: false });
    for (const key of ["body", "queryStringParameters"]) expect(to.events[0]).not.toHaveProperty(key);
  });

  it("has the raw path and query as received, and their parameters decoded", async () => {
    const to = await gateway();

    await send(to, {
      method: "GET",
      target: "/open//a%2Fb/../caf%C3%A9/?q=1+1&r=1%2B1&%C3%A9=%e2%82%AC&n&n=a=b?&q=%2C",
    });

    expect(to.events[0]).toMatchObject({
      rawPath: "/open//a%2Fb/../caf%C3%A9/",
      requestContext: { http: { path: "/open//a%2Fb/../caf%C3%A9/" } },
      pathParameters: { proxy: "/a/b/../café/" },
      rawQueryString: "q=1+1&r=1%2B1&%C3%A9=%e2%82%AC&n&n=a=b?&q=%2C",
      queryStringParameters: { q: "1 1,,", r: "1+1", é: "€", n: ",a=b?" },
    });
  });

  it("has lower-case header names, and repeated ones joined by a comma", async () => {
    const to = await gateway();
    const headers = { "X-Note": ["a", "b, c"], "User-Agent": ["one", "two"] };

    await send(to, { method: "GET", target: "/open/a", headers });

    expect(to.events[0]).toMatchObject({ headers: { "x-note": "a,b, c", "user-agent": "one,two" } });
  });

  it.each([
    ["application/json", false],
    ["Application/JSON; charset=utf-8", false],
    ["application/xml", false],
    ["application/javascript", false],
    ["text/plain", false],
    ["application/x-www-form-urlencoded", true],
    ["multipart/form-data; boundary=b", true],
    ["application/octet-stream", true],
    ["application/json-seq", true],
  ])("with a body of %s: base64 is %s", async (type, base64) => {
    const to = await gateway();
    const body = "però=€";

    await send(to, { method: "POST", target: "/open/a", headers: { "content-type": type }, body });

    const [event] = to.events;
    expect(event?.isBase64Encoded).toBe(base64);
    expect(Buffer.from(event?.body ?? "", base64 ? "base64" : "utf8").toString()).toBe(body);
  });

  it("has a body without a type in base64", async () => {
    const to = await gateway();
    const body = Buffer.from([0, 255, 128, 10]);

    await send(to, { method: "POST", target: "/open/a", body });

    expect(to.events[0]).toMatchObject({ isBase64Encoded: true, body: body.toString("base64") });
  });
});
