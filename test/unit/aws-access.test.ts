import { expect, it } from "vitest";
import { readAwsAccess } from "../../functions/auth-core/rules/aws-access.ts";

/** The variables of AWS that a function has, with fake credentials. */
const lambda = {
  AWS_ACCESS_KEY_ID: "FAKEID",
  AWS_SECRET_ACCESS_KEY: "fake-secret",
  AWS_SESSION_TOKEN: "fake-session",
  AWS_REGION: "eu-west-1",
  AWS_DEFAULT_REGION: "eu-west-1",
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_FUNCTION_NAME: "fake-token",
  AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001",
  AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129:2000",
  HTTPS_PROXY: "http://127.0.0.1:3128",
};

it("readAwsAccess reads credentials, region and endpoint of a function, and shows no secret", () => {
  const access = readAwsAccess(lambda);

  expect(access).toMatchObject({
    origin: "https://dynamodb.eu-west-1.amazonaws.com",
    region: "eu-west-1",
    accessKeyId: "FAKEID",
  });
  expect([access?.secretAccessKey.reveal(), access?.sessionToken?.reveal()]).toEqual(["fake-secret", "fake-session"]);
  expect(JSON.stringify(access)).not.toMatch(/fake-se/);
});

it.each([
  ["us-gov-west-1", {}, "https://dynamodb.us-gov-west-1.amazonaws.com"],
  ["cn-north-1", {}, "https://dynamodb.cn-north-1.amazonaws.com.cn"],
  ["cn-north-10", {}, "https://dynamodb.cn-north-10.amazonaws.com.cn"],
  ["us-east-10", {}, "https://dynamodb.us-east-10.amazonaws.com"],
  ["eu-west-1", { AWS_ENDPOINT_URL: "https://all.test" }, "https://all.test"],
  ["eu-west-1", { AWS_ENDPOINT_URL: "https://all.test", AWS_ENDPOINT_URL_DYNAMODB: "" }, "https://all.test"],
  [
    "eu-west-1",
    { AWS_ENDPOINT_URL: "https://all.test", AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:8000/" },
    "http://127.0.0.1:8000",
  ],
  // Names no file with a profile.
  ["eu-west-1", { AWS_CONFIG_FILE: "/dev/null" }, "https://dynamodb.eu-west-1.amazonaws.com"],
  ["eu-west-1", { AWS_USE_FIPS_ENDPOINT: "" }, "https://dynamodb.eu-west-1.amazonaws.com"],
])("readAwsAccess finds the endpoint in %s with %j", (AWS_REGION, variables, origin) => {
  expect(readAwsAccess({ ...lambda, AWS_REGION, ...variables })?.origin).toBe(origin);
});

it.each([
  { AWS_ACCESS_KEY_ID: undefined },
  { AWS_SECRET_ACCESS_KEY: "" },
  { AWS_REGION: undefined },
  { AWS_REGION: "local" },
  { AWS_REGION: "fake-eu-west-1" },
  { AWS_REGION: "eu-west-1-fake" },
  { AWS_REGION: "fake-cn-north-1" },
  { AWS_REGION: "cn-north-1-fake" },
  { AWS_ENDPOINT_URL: "https://all.test/path" },
  { AWS_ENDPOINT_URL: "https://name:fake-word@all.test" },
  { AWS_ENDPOINT_URL_DYNAMODB: "ftp://all.test" },
  { AWS_ENDPOINT_URL_DYNAMODB: "ws://https:443" },
  { AWS_USE_FIPS_ENDPOINT: "true" },
  { AWS_PROFILE: "fake" },
  { AWS_A_VARIABLE_OF_NEXT_YEAR: "1" },
  { AWS_NEW_AWS_REGION: "1" },
  { AWS_REGION_SET: "1" },
])("readAwsAccess leaves %j to the SDK", (variables) => {
  expect(readAwsAccess({ ...lambda, ...variables })).toBeUndefined();
});
