/**
 * Awaits something, and says on stderr what is awaited once that takes over a second; not with `--json`, where stderr is
 * for an error alone. Does not change its outcome.
 */
export async function withProgress<Value>(what: string, awaited: Promise<Value>): Promise<Value> {
  if (process.argv.includes("--json")) return awaited;
  const timer = setTimeout(() => process.stderr.write(`${what} …\n`), 1000);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}

export const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
