/** The same port, each method of which is called through `wrap`, which is told its name. */
export function around<Port extends object>(
  port: Port,
  wrap: <Result>(call: () => Promise<Result>, name: string) => Promise<Result>,
): Port {
  const wrapped = Object.entries(port).map(([name, method]: [string, (...asked: unknown[]) => Promise<unknown>]) => [
    name,
    (...asked: unknown[]) => wrap(() => method.apply(port, asked), name),
  ]);
  return Object.fromEntries(wrapped) as Port;
}
