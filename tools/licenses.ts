import { bundledPackages, licenseFaults, thirdPartyNotices } from "./bundled-packages.ts";

// `npm run licenses` lists the licences of all packages in the bundles. `-- --texts` prints their texts instead.
const packages = bundledPackages();
const faults = licenseFaults(packages);
const list = packages.map(({ name, version, license }) => `${license.padEnd(14)}${name} ${version}\n`).join("");
process.stdout.write(process.argv.includes("--texts") ? thirdPartyNotices(packages) : list);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
