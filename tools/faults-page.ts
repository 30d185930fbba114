import { callFailures } from "../functions/auth-core/rules/call-failures.ts";
import { failureCatalogue } from "../functions/auth-core/rules/failure-catalogue.ts";
import { apiFaults, dependencies, type Fault, faults, type Outcome, stored, table } from "../fixtures/fault-table.ts";

const introduction = `# When something fails

What callers get when another service fails, and what is stored. \`npm run generate\` writes this page from
\`fixtures/fault-table.ts\`. Each row is also a test: a proxy breaks the requests of the deployed adapters at the socket.

- **Callers get a valid stored token**, whatever fails. Only a new environment answers 503: if it cannot read the table, or
  cannot check the caller without the revoked keys or the keys of the JWT's issuer.
- **The broker recovers.** Each test ends the fault, and then requires a token that Smart Services accepts. After the backoff,
  sweeps and callers retry.
- **A rotation**: a fault lasts for one step. Secrets Manager repeats the step, and the table shows the end. If the current key
  stays in use, the rotation has ended: start it again with \`npx broker keys rotate ID\`.
- **At most** is how long the fault can delay the response, or the end of the step or sweep. Calls that work add their own time.
- **Log and events**: the \`message\` of a log line, or an [event](events.md). The [runbook](runbook.md) says what to do about
  each alarm, and [errors.md](errors.md) what a caller does about each \`code\`.

| fault | what the broker sees |
| --- | --- |
`;

const all = Object.keys(faults).length;

const cells = (...texts: string[]) => `|${texts.map((text) => (text === "" ? " " : ` ${text} `)).join("|")}|\n`;

function faultsOf(named: Fault[]): string {
  if (named.length === all) return "all";
  const others = Object.keys(faults).filter((fault) => !named.some((each) => each === fault));
  return others.length < 3 ? `all except ${others.join(", ")}` : named.join(", ");
}

function callerOf(caller: Outcome["caller"], code: string): string {
  if (typeof caller === "object") return `${caller.status} \`${code}\``;
  return { stored: "200, the stored token", new: "200, a new token", none: "–" }[caller];
}

function rowOf(call: string, named: Fault[], { caller, stored: state, tells, within }: Outcome): string {
  const code = typeof caller === "object" ? caller.code : "";
  if (typeof caller === "object" && failureCatalogue[caller.code].status !== caller.status)
    throw new Error(`${call}: ${code}`);
  const told = tells.map((each) => `\`${each}\``).join(", ") || "–";
  return cells(call, faultsOf(named), callerOf(caller, code), stored[state], told, `${within} s`);
}

/** What a call gets from a business API that fails. */
function businessApi(): string {
  const rows = Object.values(apiFaults).map(({ api, caller, requests, within }) => {
    if (caller === "answer") return cells(api, "its answer", String(requests), `${within} s`);
    if (callFailures[caller.code].status !== caller.status) throw new Error(`${api}: ${caller.code}`);
    return cells(api, `${caller.status} \`${caller.code}\``, String(requests), `${within} s`);
  });
  const head =
    cells("what it does to a call", "callers get", "requests to it", "at most") +
    cells(...Array<string>(4).fill("---"));
  const text =
    "A call meets these faults of the API that it is sent to. Each row is a test of the deployed adapter against a socket.";
  return `## The business API\n\n${text}\n\n${head}${rows.join("")}`;
}

/** The page docs/faults.md. */
export function faultsPage(): string {
  const sections = Object.entries(dependencies).map(([name, title]) => {
    const calls = Object.values(table[name as keyof typeof table]) as {
      call: string;
      outcomes: [Fault[], Outcome][];
    }[];
    const rows = calls.flatMap(({ call, outcomes }) =>
      outcomes.map(([named, outcome], at) => rowOf(at === 0 ? call : "", named, outcome)),
    );
    const head = cells("call that fails", "fault", "callers get", "stored", "log and events", "at most");
    return `## ${title}\n\n${head}${cells(...Array<string>(6).fill("---"))}${rows.join("")}`;
  });
  const words = Object.entries(faults).map(([fault, text]) => cells(fault, text));
  return [introduction + words.join(""), ...sections, businessApi()].join("\n");
}
