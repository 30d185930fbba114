/** Awaits something, and says on stderr what is awaited once that takes over a second. Does not change its outcome. */
export async function withProgress<Value>(what: string, awaited: Promise<Value>): Promise<Value> {
  const timer = setTimeout(() => process.stderr.write(`${what} …\n`), 1000);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}

export const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
