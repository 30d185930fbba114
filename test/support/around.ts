type Call = (...args: unknown[]) => Promise<unknown>;

/** The same port with each asynchronous call going through `wrap`, which also gets the name of the method. */
export function around<Port extends object>(
  port: Port,
  wrap: <Result>(call: () => Promise<Result>, name: string) => Promise<Result>,
): Port {
  const wrapped = Object.entries(port).map(([name, method]: [string, Call]) => {
    // The only synchronous method of a port: it formats a name.
    if (name === "idOf") return [name, method];
    return [name, (...args: unknown[]) => wrap(() => method.apply(port, args), name)];
  });
  return Object.fromEntries(wrapped) as Port;
}
