import { document, operationsOf, resolve } from "./document.ts";
import { faults, validatorAt } from "./validators.ts";

const operations = operationsOf(document);

/** Headers that the document must name; others are not part of the contract. */
const monitored = new Set(["cache-control", "pragma", "retry-after", "www-authenticate"]);

/**
 * The name of a response in the document: `METHOD path status type name`, with the path of the document. Throws if the
 * document has no such response: another status, type, field, code or header.
 *
 * @param path of a request or of the document
 * @param body as text, or as the JSON that it is
 * @param headers of the response, in lower case
 */
export function documented(
  method: string,
  path: string,
  status: number,
  contentType: string,
  body: unknown,
  headers: Iterable<[string, string]> = [],
): string {
  const key = operationKey(method, path);
  const operation = operations.get(key);
  if (!operation) throw new Error(`${method} ${path} is not documented.`);
  const type = contentType.split(";", 1)[0]?.trim() ?? "";
  const what = `${key} ${status} ${type}`;
  const response = operation.responses[status];
  const media = response?.content[type];
  if (!response || !media) throw new Error(`${what} is not documented.`);

  const json: unknown = typeof body === "string" ? JSON.parse(body) : body;
  const wrong = faults(validatorAt(pointerTo(key, status, type)), json);
  if (wrong) throw new Error(`${what} is not as documented: ${wrong}`);
  const name = Object.entries(media.examples).find(([, { $ref }]) => shapeOf(exampleAt($ref)) === shapeOf(json))?.[0];
  if (!name) throw new Error(`${what}: ${shapeOf(json)} is not documented.`);

  const known = new Set(Object.keys(response.headers ?? {}).map((header) => header.toLowerCase()));
  for (const [header] of headers) {
    if (monitored.has(header) && !known.has(header)) throw new Error(`${what}: ${header} is not documented.`);
  }
  return `${what} ${name}`;
}

/** Every documented response, by the name that `documented` gives it, and its example. */
export const allDocumented = new Map<string, unknown>(
  [...operations].flatMap(([key, { responses }]) =>
    Object.entries(responses).flatMap(([status, { content }]) =>
      Object.entries(content).flatMap(([type, { examples }]) =>
        Object.entries(examples).map(
          ([name, { $ref }]) => [`${key} ${status} ${type} ${name}`, exampleAt($ref)] as const,
        ),
      ),
    ),
  ),
);

/** Where the document has the schema of a response. */
export function pointerTo(key: string, status: number | string, type: string): string {
  const [method = "", path = ""] = key.split(" ");
  const steps = ["paths", path, method.toLowerCase(), "responses", String(status), "content", type, "schema"];
  return `#/${steps.map((step) => step.replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;
}

/** The value of an example. */
export function exampleAt(ref: string): unknown {
  return (resolve(document, ref) as { value?: unknown } | undefined)?.value;
}

function operationKey(method: string, path: string): string {
  const [pathname = ""] = path.split("?");
  const isThis = (key: string) => {
    const pattern = key.replaceAll(/[.]/g, String.raw`\.`).replaceAll(/\{\w+\}/g, "[^/]+");
    return key === `${method} ${pathname}` || new RegExp(`^${pattern}$`).test(`${method} ${pathname}`);
  };
  return [...operations.keys()].find(isThis) ?? "";
}

/** What tells one response from another: its fields except those that a registration decides, and its code, title, error or message. */
function shapeOf(body: unknown): string {
  const { code, title, error, message } = (body ?? {}) as Record<string, unknown>;
  const fields = Object.keys(body ?? {}).filter((name) => !["api_base_url", "registered_scope"].includes(name));
  return JSON.stringify([fields.toSorted(), code, title, error, message]);
}
