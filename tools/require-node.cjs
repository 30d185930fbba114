// Every npm script preloads this file. It has old syntax, so that an old Node can run it and print the error.
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    "Smart Token Broker needs Node 24 or newer. This is " + process.version + ". On Linux, `npm ci` installs Node 24.",
  );
  process.exit(1);
}
// The site has packages of its own, which its script installs.
if (!/[\\/]site[\\/]build\.ts$/.test(process.argv[1])) {
  try {
    require.resolve("valibot");
  } catch {
    console.error("The packages of this checkout are not installed. Run `npm ci`, then run the command again.");
    process.exit(1);
  }
}
// Node keeps compiled code between runs: the CDK and the AWS SDK load in half the time.
require("module").enableCompileCache();
