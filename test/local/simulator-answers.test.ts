import { expect, it } from "vitest";
import { answerOfGrant } from "../../local/simulator/answers.ts";
import { defaultScenario, type Scenario } from "../../local/simulator/scenario.ts";

const grant = {
  accessToken: "fake-access-1",
  expiresIn: 3600,
  scope: "webapicorso_alywebapicorso",
  refresh: { token: "fake-refresh-1", expiresIn: 2_592_000 },
};

const written = (scenario: Partial<Scenario>) => answerOfGrant(grant, { ...defaultScenario(), ...scenario }).body;
const parsed = (scenario: Partial<Scenario>): unknown => JSON.parse(written(scenario));

const besideTheToken = {
  token_type: "Bearer",
  expires_in: 3600,
  scope: grant.scope,
  refresh_token: "fake-refresh-1",
  refresh_expires_in: 2_592_000,
};

it.each(["access_token", "token", "id_token"] as const)("shape %s gives the token this name", (shape) => {
  expect(parsed({ shape })).toEqual({ [shape]: "fake-access-1", ...besideTheToken });
});

it("shape accessToken writes every name in camel case", () => {
  expect(parsed({ shape: "accessToken" })).toEqual({
    accessToken: "fake-access-1",
    tokenType: "Bearer",
    expiresIn: 3600,
    scope: grant.scope,
    refreshToken: "fake-refresh-1",
  });
});

it.each(["data", "result", "response"] as const)("shape %s wraps the response in an object of that name", (shape) => {
  expect(parsed({ shape })).toEqual({ [shape]: { access_token: "fake-access-1", ...besideTheToken } });
});

it("shapes json_string and bare_jwt are only the token, with and without quotes", () => {
  expect(written({ shape: "json_string" })).toBe('"fake-access-1"');
  expect(written({ shape: "bare_jwt" })).toBe("fake-access-1");
});

it.each([
  ["number", 3600],
  ["string", "3600"],
  ["absent", undefined],
] as const)("expiresIn writes it as %s", (expiresIn, duration) => {
  expect(parsed({ expiresIn })).toEqual({ access_token: "fake-access-1", ...besideTheToken, expires_in: duration });
});

it("bom puts a byte-order mark first", () => {
  expect(written({ bom: true })).toBe(`\uFEFF${written({})}`);
  expect(written({ bom: true, shape: "bare_jwt" })).toBe("\uFEFFfake-access-1");
});
