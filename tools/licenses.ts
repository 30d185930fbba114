import { bundledPackages, licenseFaults, thirdPartyNotices } from "./bundled-packages.ts";

// `npm run licenses` lists the licences of all packages in the bundles. `-- --texts` prints their texts instead.
const packages = bundledPackages();
// A reader like `head` closes the pipe when it has enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
const faults = licenseFaults(packages);
const list = packages.map(({ name, version, license }) => `${license.padEnd(14)}${name} ${version}\n`).join("");
process.stdout.write(process.argv.includes("--texts") ? thirdPartyNotices(packages) : list);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
