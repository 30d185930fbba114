interface Client {
  send(command: never, options?: { abortSignal?: AbortSignal }): unknown;
}

/**
 * Limits each call of an AWS client, with all its attempts and the whole response. The SDK's own `requestTimeout` ends with
 * the headers of a response: a body that stalls or drips would last until Lambda ends the function.
 *
 * A call with options of its own keeps those, and their signal.
 */
export function limitCalls<Limited extends Client>(client: Limited, milliseconds: number): Limited {
  const kind = Object.getPrototypeOf(client) as Client;
  client.send = (command, options = { abortSignal: AbortSignal.timeout(milliseconds) }) =>
    kind.send.call(client, command, options);
  return client;
}
