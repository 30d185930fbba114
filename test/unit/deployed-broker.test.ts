import { expect, it } from "vitest";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { callersMetadata, describeCallers } from "../../functions/auth-core/rules/callers/deployed-callers.ts";
import { outputPrefix, resourceMark } from "../../functions/auth-core/rules/one-stack.ts";

it("a broker that is deployed is found by names that never change", () => {
  expect({ callersMetadata, outputPrefix, resourceMark }).toEqual({
    callersMetadata: "SmartTokenBrokerCallers",
    outputPrefix: "SmartTokenBroker",
    resourceMark: "Stb",
  });
});

it("describeCallers names every caller with its kind, and with the hashes of its keys", () => {
  const connections = ["webapicorso"];
  const keySha256 = ["0".repeat(64)];
  const role = { name: "orders", connections, principal: "123456789012" };
  const callers = parseCallers([{ name: "php", connections, keySha256 }, role], { allowLoopbackHttp: false });

  expect(describeCallers(callers)).toEqual({ php: { kind: "key", keySha256 }, orders: { kind: "principal" } });
});
