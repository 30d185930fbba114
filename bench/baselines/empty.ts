/** The runtime alone: node, the runtime client, and a handler that does nothing. */
export async function handler(): Promise<object> {
  return { statusCode: 200, body: "" };
}
