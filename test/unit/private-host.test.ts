import { expect, test } from "vitest";
import { isPrivateHost } from "../../functions/auth-core/rules/callers/private-host.ts";

test.each([
  "localhost.",
  "localhost..",
  "issuer.localhost",
  "127.0.0.1",
  "0x7f.1",
  "0.0.0.0",
  "10.0.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.1",
  "192.0.2.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "255.255.255.255",
  "[::1]",
  "[::ffff:10.0.0.1]",
  "[::10.0.0.1]",
  "[64:ff9b::10.0.0.1]",
  "[100::1]",
  "[2001::1]",
  "[2001:db8::1]",
  "[2002:a00:1::1]",
  "[3fff::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fe90::1]",
  "[fec0::1]",
  "[ff02::1]",
])("isPrivateHost finds %s", (host) => {
  expect(isPrivateHost(`https://${host}/path`)).toBe(true);
  expect(isPrivateHost(`https://${host}:8443`)).toBe(true);
});

test.each([
  "issuer.example.com",
  "localhost.example.com",
  "10.0.0.1.example.com",
  "9.255.255.255",
  "11.0.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.167.255.255",
  "223.255.255.255",
  "[2001:4860:4860::8888]",
])("isPrivateHost does not find %s", (host) => {
  expect(isPrivateHost(`https://${host}/path`)).toBe(false);
});
