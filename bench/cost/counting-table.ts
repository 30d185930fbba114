import { text } from "node:stream/consumers";
import { listenOnLoopback } from "../../console/loopback-server.ts";

type Item = Record<string, unknown> | undefined;

interface Index {
  KeySchema?: { AttributeName?: string | undefined }[] | undefined;
  Projection?: { NonKeyAttributes?: string[] | undefined } | undefined;
}

/**
 * Starts a proxy of an embedded DynamoDB that counts: each operation by name, and as `index writes` the entries of the
 * table's indexes that a write adds, removes or changes, each of which costs a write of its own.
 *
 * Source: Amazon DynamoDB Developer Guide, 'Using Global Secondary Indexes', 'Write capacity units'.
 */
export async function startCountingTable(endpoint: string, indexes: Index[]) {
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1) => (counts[name] = (counts[name] ?? 0) + by);
  const { url, close } = await listenOnLoopback((request, response) => {
    void (async () => {
      const body = await text(request);
      const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
      const send = (content: string, more: object = {}) =>
        fetch(endpoint, { method: "POST", headers: { ...headers, ...more } as Record<string, string>, body: content });
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      const { TableName, Key } = JSON.parse(body) as { TableName: string; Key?: object };
      const stored = async () => {
        const read = { "x-amz-target": "DynamoDB_20120810.GetItem" };
        const found = await send(JSON.stringify({ TableName, Key, ConsistentRead: true }), read);
        return ((await found.json()) as { Item: Item }).Item;
      };
      count(operation);
      const isWrite = operation === "UpdateItem";
      const before = isWrite ? await stored() : undefined;
      const answer = await send(body);
      const output = await answer.text();
      if (isWrite) count("index writes", indexWrites(before, await stored(), indexes));
      const passed = [...answer.headers].filter(([name]) => /^(content-type|x-amz)/.test(name));
      response.writeHead(answer.status, Object.fromEntries(passed)).end(output);
    })();
  }, {});
  return { url, close, counts };
}

/** How many entries a write of an item adds, removes or changes in the indexes. Pure. */
export function indexWrites(before: Item, after: Item, indexes: Index[]): number {
  return indexes.reduce((sum, { KeySchema = [], Projection }) => {
    const keys = KeySchema.map(({ AttributeName = "" }) => AttributeName);
    const part = (item: Item, names: string[]) => JSON.stringify(names.map((name) => item?.[name]));
    const isIn = (item: Item) => keys.every((key) => item?.[key] !== undefined);
    const [was, is] = [isIn(before), isIn(after)];
    const isSame = was && is && part(before, keys) === part(after, keys);
    if (!isSame) return sum + Number(was) + Number(is);
    const others = Projection?.NonKeyAttributes ?? [];
    return sum + (part(before, others) === part(after, others) ? 0 : 1);
  }, 0);
}
