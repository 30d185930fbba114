#!/usr/bin/env node
// Old syntax, because an old Node must run this file to print the error. `npx broker` runs it before `npm ci` too.
function fail(message) {
  console.error("error: " + message);
  process.exit(1);
}

if (Number(process.versions.node.split(".")[0]) < 24) {
  fail(
    "broker needs Node 24 or newer. This is " +
      process.version +
      ". On Linux, run npm ci once, then npx broker: that uses the Node 24 that npm ci installs.",
  );
}
try {
  require.resolve("commander");
} catch {
  fail("The packages of this checkout are not installed. Run npm ci in its folder, then run the command again.");
}
void import("./broker.ts");
