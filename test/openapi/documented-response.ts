import { document, type Operation, operationsOf, resolve } from "./document.ts";
import { faults, validatorAt } from "./schemas.ts";

const operations = operationsOf(document);

/** Headers that are documented where they come; any other is nobody's business. */
const monitored = new Set(["cache-control", "pragma", "retry-after", "www-authenticate"]);

/**
 * The name of the documented response that this one is: `METHOD path status type name`, path as it is documented.
 * Throws where it is none: another status, type, field, code or header than `docs/openapi.json` has.
 *
 * @param path of a request or of the document; for what the gateway answers to a wrong one, the one that was meant
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

/** The name of every documented response, as `documented` gives it. */
export function allDocumented(): string[] {
  return [...operations].flatMap(([key, { responses }]) => namesOf(key, responses));
}

function namesOf(key: string, responses: Operation["responses"]): string[] {
  return Object.entries(responses).flatMap(([status, { content }]) =>
    Object.entries(content).flatMap(([type, { examples }]) =>
      Object.keys(examples).map((name) => `${key} ${status} ${type} ${name}`),
    ),
  );
}

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
  const [asked = ""] = path.split("?");
  const isThis = (key: string) => {
    const pattern = key.replaceAll(/[.]/g, String.raw`\.`).replaceAll(/\{\w+\}/g, "[^/]+");
    return key === `${method} ${asked}` || new RegExp(`^${pattern}$`).test(`${method} ${asked}`);
  };
  return [...operations.keys()].find(isThis) ?? "";
}

/** What tells one response of a kind from another: its fields, and what its error is. */
function shapeOf(body: unknown): string {
  const { code, error, message } = (body ?? {}) as Record<string, unknown>;
  return JSON.stringify([Object.keys(body ?? {}).toSorted(), code, error, message]);
}
