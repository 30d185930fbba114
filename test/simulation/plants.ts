/** A planted fault: one text of the source, and what takes its place. */
export interface Plant {
  name: string;
  file: string;
  old: string;
  new: string;
  /** The only mode that finds it soon; absent: all modes take turns. */
  mode?: string;
}

const core = "functions/auth-core";
const rotation = "functions/key-rotation/use-cases";
const sweeps = "functions/token-rotation/use-cases";
const table = "fixtures/memory-table.ts";

/** The ten defects that a simulation found in earlier code, each with its fix undone, or what took the place of that fix. */
const defects: Plant[] = [
  {
    name: "1: a rotation that stops after its test leaves a dead token",
    file: `${rotation}/test-secret.ts`,
    old: "const invalidatesStored = registration.singleActiveToken;",
    new: "const invalidatesStored = false;",
    mode: "single-active",
  },
  {
    name: "2: a lost response of a write counts as a lost lease",
    file: `${core}/use-cases/store-outcome.ts`,
    old: 'return stored && isWrittenAs(next, stored, lease) ? { kind: "written" } : { kind: "lost", winner: stored };',
    new: 'return { kind: "lost", winner: stored };',
  },
  {
    name: "3: a key that was never tested becomes current",
    file: `${rotation}/finish-secret.ts`,
    old: 'const { basedOn = "" } = await requireTest(step, keyFingerprint);',
    new: 'const { basedOn = "" } = (await notedKey(step, keyFingerprint)) ?? {};',
  },
  {
    name: "4: the token set has no id of the issuer",
    file: `${core}/rules/tokens/token-set.ts`,
    old: "    ...(registration.apiKeyId !== undefined && { apiKeyId: registration.apiKeyId }),\n",
    new: "",
  },
  {
    name: "5: superseded although nobody stored anything",
    file: `${rotation}/finish-secret.ts`,
    old: "  if (movedTo === version) return from;\n",
    new: "",
  },
  {
    name: "6: a rotation does not know which version its value was made from",
    file: `${rotation}/finish-secret.ts`,
    old: "const from = pending === version ? source :",
    new: "const from = pending === source ? source :",
  },
  {
    name: "7: the condition of the lease does not compare the last attempt",
    file: table,
    old: ' && isDeepStrictEqual(stored["attemptedAt"], attempted["attemptedAt"])',
    new: "",
  },
  {
    name: "8: memory is dated by the clock after a replacement",
    file: `${core}/use-cases/token-service.ts`,
    old: 'return this.#serve(connection, outcome.set, outcome.generation, "upstream", readAt);',
    new: 'return this.#serve(connection, outcome.set, outcome.generation, "upstream", clock.now());',
  },
  {
    name: "9: the labels of other connections are not read before an announcement",
    file: `${sweeps}/retire-keys.ts`,
    old: "if (isUser || (await labelledKeys(ports, other)).fingerprints.has(fingerprint))",
    new: "if (isUser)",
  },
  {
    name: "10: only finishSecret sees that a version was current before",
    file: `${rotation}/rotate-key.ts`,
    old: 'if (stages.includes("AWSPREVIOUS")) throw superseded();',
    new: 'if (name === "finishSecret" && stages.includes("AWSPREVIOUS")) throw superseded();',
  },
];

/** Five more: a second simulation found four, with names, other clocks, and labels that lag one by one. */
const rareOrders: Plant[] = [
  {
    name: "11: a test forgets which version the value was made from",
    file: `${rotation}/test-secret.ts`,
    old: "const note = { ...(basedOn !== undefined && { basedOn }) };",
    new: "const note = {};",
    mode: "rotation",
  },
  {
    name: "12: a later lease hides a write",
    file: `${core}/use-cases/store-outcome.ts`,
    old: "next.lastError !== undefined || next.generation > lease.generation ||",
    new: "",
    mode: "names",
  },
  {
    name: "13: an error about names over what memory has",
    file: "functions/oauth/use-cases/named-token.ts",
    old: 'answer.source === "memory" ?',
    new: "false ?",
    mode: "names",
  },
  {
    name: "14: a secret that is gone has another value",
    file: `${rotation}/create-secret.ts`,
    old: "throw new StepError(",
    new: 'throw new RotationError("superseded", ',
    mode: "rotation",
  },
  {
    name: "15: a replacement that ends between the steps of makeDue counts as none",
    file: `${core}/use-cases/make-due.ts`,
    old: "if (item?.attemptedAt === undefined) return",
    new: "if (!item || !isLeased(item, clock.now())) return",
    mode: "single-active",
  },
];

const faults: Plant[] = [
  {
    name: "a write without its fence",
    file: table,
    old: '(stored) => isOf(stored, fence.owner) && isAt(stored, "generation", fence.generation),',
    new: "() => true,",
  },
  {
    name: "a lease taken though another holds it",
    file: table,
    old: 'isBy(stored["leaseUntil"], now) && isDeepStrictEqual(stored["attemptedAt"], attempted["attemptedAt"]);',
    new: "true;",
  },
  {
    name: "a lease that never ends",
    file: `${core}/use-cases/lease.ts`,
    old: "leaseSeconds = 15;",
    new: "leaseSeconds = 1_000_000_000;",
  },
  { name: "a lease of 6 s", file: `${core}/use-cases/lease.ts`, old: "leaseSeconds = 15;", new: "leaseSeconds = 6;" },
  {
    name: "a sweep that replaces everything",
    file: `${sweeps}/sweep.ts`,
    old: "return (replacementDueAt(item) ?? Number.POSITIVE_INFINITY) <= now;",
    new: "return true;",
  },
  {
    name: "a sweep that never retries",
    file: `${core}/rules/tokens/schedule.ts`,
    old: "return item.retryAt ?? item.tokenSet?.dueAt ?? item.attemptedAt;",
    new: "return item.retryAt ? undefined : (item.tokenSet?.dueAt ?? item.attemptedAt);",
  },
  {
    name: "memory believed past its end",
    file: `${core}/use-cases/memory.ts`,
    old: "return now - entry.readAt <= memoryLifetime(entry.set);",
    new: "return true;",
  },
  {
    name: "no margin",
    file: `${core}/rules/tokens/token-set.ts`,
    old: "export const skew = 5;",
    new: "export const skew = 0;",
  },
  {
    name: "the rejected token counts as valid",
    file: `${core}/rules/tokens/token-set.ts`,
    old: "!isExpired(set, now) && !isRejected(set, requirements) &&",
    new: "!isExpired(set, now) &&",
  },
  {
    name: "no last read before an error",
    file: `${core}/use-cases/token-service.ts`,
    old: "return this.tokenOr(outcome.failure, connection, requirements);",
    new: 'return { kind: "failure", failure: outcome.failure };',
  },
  {
    name: "no pause after a failure",
    file: `${core}/rules/tokens/backoff.ts`,
    old: "return Math.max(1, Math.min(jittered, left / 4), retryAfter);",
    new: "return 0;",
  },
  {
    name: "no jitter after a failure",
    file: `${core}/rules/tokens/backoff.ts`,
    old: "Math.min(5 * 2 ** doublings, 300) * random;",
    new: "Math.min(5 * 2 ** doublings, 300);",
  },
  {
    name: "no API-key request after a failed refresh",
    file: `${core}/use-cases/call-upstream.ts`,
    old: '    refreshTokenRejected = result.kind === "rejected";\n',
    new: '    if (result.kind !== "tokens") return { kind: "failed", failure: failureOf(result), skipRefresh: false };\n',
  },
  {
    name: "finishSecret does not look at the versions",
    file: `${rotation}/finish-secret.ts`,
    old: "  if (from !== undefined && (await isNewer(step, from))) throw superseded();\n",
    new: "",
  },
  {
    name: "the next key is not tested",
    file: `${rotation}/test-secret.ts`,
    old: "const answer = await upstream.call(apiKeyRequest(registration), registration);",
    new: 'const answer = { kind: "tokens", tokens: {} };',
  },
  {
    name: "NEXT stays on the key that became current",
    file: `${rotation}/finish-secret.ts`,
    old: '    await secrets.moveLabel(secretId, "NEXT", { from: stagedAt });\n',
    new: "",
  },
  {
    name: "the outgoing key is not noted",
    file: `${rotation}/finish-secret.ts`,
    old: '  await noteOutgoingKey(step, movedFrom ?? versionWith("AWSPREVIOUS", after), { keyFingerprint, apiKeyId });\n',
    new: "",
  },
  {
    name: "a key is announced too early",
    file: `${core}/rules/keys/retiring-keys.ts`,
    old: "return now + maxAcceptedLifetime + maxRunSeconds;",
    new: "return now + 3600;",
  },
  {
    name: "a key is announced without a look at the labels",
    file: `${sweeps}/retire-keys.ts`,
    old: "const user = secret.fingerprints.has(fingerprint)",
    new: "const user = false",
  },
  {
    name: "a key is announced without a look at other connections",
    file: `${sweeps}/retire-keys.ts`,
    old: ": await userOf(ports, connection, fingerprint);",
    new: ": undefined;",
  },
  {
    name: "connection_rejected is sent before its write",
    file: `${core}/use-cases/store-outcome.ts`,
    old: '  ports.notice({ kind: "replacement_failed", connection: item.connection, code, reason: detail, failures });\n',
    new:
      "  if (needsOperator(code) && !item.operatorError)\n" +
      '    await sendEvent(ports, { kind: "connection_rejected", connection: item.connection, code, detail });\n',
  },
  {
    name: "api_key_retirable is sent without its write",
    file: `${sweeps}/retire-keys.ts`,
    old: "    if (!(await table.changeKey(connection, fingerprint, key, noted))) return;\n",
    new: "",
  },
  {
    name: "an erasure keeps the generation",
    file: `${core}/use-cases/store-outcome.ts`,
    old: "generation: item.generation + 1,\n      failures: 0,",
    new: "generation: item.generation,\n      failures: 0,",
  },
  {
    name: "a key is not noted before its first use",
    file: `${core}/use-cases/replace.ts`,
    old: "if (isInUse) return { ...reading, retiringKeys };",
    new: "return { ...reading, retiringKeys };",
  },
  {
    name: "a reported token is replaced without making the connection due",
    file: `${core}/use-cases/replace.ts`,
    old: "const isDue = requirements?.rejectedSha256 !== undefined;",
    new: "const isDue = false;",
    mode: "single-active",
  },
  {
    name: "a sweep replaces what only an old index entry names",
    file: `${sweeps}/sweep.ts`,
    old: "return (replacementDueAt(item) ?? Number.POSITIVE_INFINITY) <= now;",
    new: "return ((Object.keys(item.retiringKeys ?? {}).length > 0 ? undefined : item.nextActionAt) ?? replacementDueAt(item) ?? 1e12) <= now;",
  },
];

/** One for each invariant of calls, and one for an upstream that returns the rejected token. */
const ofCalls: Plant[] = [
  {
    name: "memory serves the token of another connection",
    file: `${core}/use-cases/memory.ts`,
    old: "return this.#tokenSets.get(connection);",
    new: "return [...this.#tokenSets.values()].at(-1);",
    mode: "calls",
  },
  {
    name: "a rule allows every method",
    file: `${core}/rules/callers/call-rules.ts`,
    old: 'if (!methods.includes(method) && !(method === "HEAD" && methods.includes("GET"))) return false;',
    new: "",
    mode: "calls",
  },
  {
    name: "a revocation takes effect within 5 minutes",
    file: `${core}/use-cases/revoked-keys.ts`,
    old: "takesEffectWithin = 30;",
    new: "takesEffectWithin = 300;",
    mode: "calls",
  },
  {
    name: "a call is sent again after a dead socket and a 401",
    file: "functions/calls/use-cases/make-call.ts",
    old: "if (!mayRepeat || result.isRepeated) return rejectedToken();",
    new: "if (!mayRepeat) return rejectedToken();",
    mode: "calls",
  },
  {
    name: "an API that accepts no token delays no reports",
    file: `${core}/rules/tokens/rejection-reports.ts`,
    old: "isPaused ? apiRejectedAt + pauseOfCalls : 0,",
    new: "0,",
    mode: "calls",
  },
  {
    name: "reports are delayed also if the API accepted a token since",
    file: `${core}/rules/tokens/rejection-reports.ts`,
    old: "isPaused ? apiRejectedAt + pauseOfCalls : 0,",
    new: "apiRejectedAt + pauseOfCalls,",
    mode: "calls",
  },
  {
    name: "one caller's reports delay another's",
    file: `${core}/rules/tokens/rejection-reports.ts`,
    old: "rejectionReports?.[reporter];",
    new: "Object.values(rejectionReports ?? {}).map(({ at }) => ({ at, count: 9 }))[0];",
    mode: "calls",
  },
  {
    name: "reports of two callers replace two tokens in a minute",
    file: `${core}/rules/tokens/rejection-reports.ts`,
    old: "trustedFor = 60;",
    new: "trustedFor = 5;",
    mode: "calls",
  },
  {
    name: "time-outs count for all entries",
    file: "functions/calls/use-cases/make-call.ts",
    old: "const circuit = `${connection} ${line.callerRole}`;",
    new: "const circuit = connection;",
    mode: "calls",
  },
  {
    name: "after the pause, all calls are sent",
    file: "functions/calls/use-cases/make-call.ts",
    old: "    slow.until = endAt;\n",
    new: "",
    mode: "calls",
  },
];

export const plants: Plant[] = [
  ...[...defects, ...rareOrders].map((each) => ({ ...each, name: `defect ${each.name}` })),
  ...faults,
  ...ofCalls.map((each) => ({ ...each, name: `calls: ${each.name}` })),
];

/** The source with a planted fault. Throws unless its text is there exactly once. */
export function planted(source: string, { name, file, old, new: text }: Plant): string {
  const parts = source.split(old);
  if (parts.length !== 2)
    throw new Error(`"${name}": ${file} has its text ${parts.length - 1} times. Update plants.ts.`);
  return parts.join(text);
}
