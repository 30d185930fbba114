import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const nodeVersion = readFileSync(join(root, ".node-version"), "utf8").trim();
const workflows = Object.fromEntries(
  globSync(".github/workflows/*.yml", { cwd: root }).map((file) => [
    basename(file),
    readFileSync(join(root, file), "utf8"),
  ]),
);
const publish = workflows["publish.yml"] ?? "";

/** The only commands that may run in a job that may write: they run no code of a package. */
const runsNoPackage =
  /^(npm publish \.\/\S+\.tgz --ignore-scripts [-a-z ]+|gh release create "\$TAG" --verify-tag [-\w"./ $]+)$/;

const canWrite = /\b([a-z-]+: write|write-all)\b/;
const canRequestToken = /\b(id-token: write|write-all)\b/;

/** Where a workflow names an action that can change, or lets code of others write to the repository or request an OpenID token. */
function faultsOf(workflow: string): string[] {
  const [head = "", jobs = ""] = workflow.split(/^jobs:\n/m);
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = ""]) => found);
  const isExact = /^(\.\/|[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/;
  const trusted = jobs.split(/^ {2}(?=[\w-]+:\n)/m).filter((job) => canWrite.test(job));
  return [
    ...all(workflow, /\buses: (.+)/g).filter((action) => !isExact.test(action)),
    ...(canWrite.test(head) ? ["every job can write"] : []),
    ...(/^permissions:\n/m.test(head) ? [] : ["every job has the default permissions"]),
    ...(trusted.filter((job) => canRequestToken.test(job)).every((job) => job.includes("environment:"))
      ? []
      : ["no environment"]),
    ...all(trusted.join(""), /\b(uses: actions\/checkout)\b/g),
    // An artifact can have a .git or a .npmrc, which must not be in the folder of the command.
    ...all(trusted.join(""), /\b(uses: actions\/download-artifact)@.*\n.*\n {10}name: .*\n(?! {10}path: built\n)/g),
    ...all(trusted.join(""), /\brun: (.+)/g).filter((command) => !runsNoPackage.test(command)),
    ...all(trusted.join(""), /\bnode-version\S*: (.+)/g).filter((version) => version !== nodeVersion),
  ];
}

test.each(Object.entries(workflows))(
  "%s names each action by its commit, and no code of a package runs where a job may write",
  (_, workflow) => {
    expect(faultsOf(workflow)).toEqual([]);
  },
);

test.each([
  ["an action by its tag", /(actions\/download-artifact)@.*/, "$1@v6", ["actions/download-artifact@v6"]],
  ["an artifact beside the command", / +path: built\n/, "", ["uses: actions/download-artifact"]],
  ["an installation", /run: (npm publish)/, "run: npm ci && $1", [expect.stringMatching(/^npm ci/)]],
  ["several commands", /run: (npm publish)/, "run: |\n          $1", ["|"]],
  ["a build by the publication", / --ignore-scripts/, "", [expect.stringMatching(/^npm publish/)]],
  [
    "the sources",
    /(download-artifact@.*)/,
    "$1\n      - uses: actions/checkout@v5",
    ["actions/checkout@v5", "uses: actions/checkout"],
  ],
  ["a version of Node, and of its npm, that can change", /node-version: .*/, "node-version: 24", ["24"]],
  ["no environment", /environment: npm\n/, "", ["no environment"]],
  ["the permission for all jobs", /(permissions:\n)/, "$1  id-token: write\n", ["every job can write"]],
  ["no permissions", /permissions:\n {2}contents: read\n/, "", ["every job has the default permissions"]],
])("publish.yml with %s is rejected", (_, place, planted, faults) => {
  expect(publish).toMatch(place);
  expect(faultsOf(publish.replace(place, planted))).toEqual(faults);
});

test("release.yml that builds where it may write to the repository is rejected", () => {
  const release = workflows["release.yml"] ?? "";
  const builds = release.replace(/(\n {2}build:\n.*\n)/, "$1    permissions:\n      contents: write\n");

  expect(builds).not.toBe(release);
  expect(faultsOf(builds)).toEqual(["uses: actions/checkout", "|", "|", ".node-version"]);
});
