// Preloaded by every npm script, in old syntax so that an old Node can still say what is wrong.
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    "Smart Token Broker needs Node 24 or newer, and this is " + process.version + ". On Linux `npm ci` brings one.",
  );
  process.exit(1);
}
// Compiled code is kept between runs: the CDK and the AWS SDK load in half the time.
require("module").enableCompileCache();
