/** A compiled route. */
export type CompiledRoute<R> = {
  route: R;
  method: string;
  /** Matches a path whose segments are encoded in the canonical way; one group per parameter. */
  path: RegExp;
  parameters: string[];
  /** The more specific route sorts first. */
  rank: string;
};

const ROUTE_KEY = /^([A-Z]+) (\/\S*)$/;
const PARAMETER = /^\{([^{}+]+)(\+?)\}$/;

/**
 * Compiles route keys, the most specific first: per segment a literal before `{parameter}` before `{greedy+}`, then an
 * exact method before ANY. Throws an Error for an invalid key.
 */
export function compileRoutes<R extends { routeKey: string }>(routes: R[]): CompiledRoute<R>[] {
  return routes.map(compile).toSorted((a, b) => (a.rank < b.rank ? -1 : Number(a.rank > b.rank)));
}

/**
 * Finds the route of a raw path and decodes its parameters; the path must be decodable. A segment ends at a raw `/`
 * only, so `%2F` belongs to a parameter. An encoded literal matches like its plain form. A parameter is never empty.
 */
export function findRoute<R>(
  routes: CompiledRoute<R>[],
  method: string,
  rawPath: string,
): { route: R; pathParameters: Record<string, string> } | undefined {
  const path = rawPath.split("/").map(sameEncoding).join("/");
  for (const { route, parameters, ...compiled } of routes) {
    const values = compiled.method === method || compiled.method === "ANY" ? compiled.path.exec(path) : null;
    if (!values) continue;
    const pairs = parameters.map((name, i) => [name, decodeURIComponent(values[i + 1] ?? "")] as const);
    return { route, pathParameters: Object.fromEntries(pairs) };
  }
  return undefined;
}

function compile<R extends { routeKey: string }>(route: R): CompiledRoute<R> {
  const [, method, template] = ROUTE_KEY.exec(route.routeKey) ?? [];
  if (!method || !template) throw new Error(`Invalid route key: ${route.routeKey}`);

  const parameters: string[] = [];
  let source = "";
  let rank = "";
  for (const segment of template.split("/").slice(1)) {
    const [, name, greedy] = PARAMETER.exec(segment) ?? [];
    if (name) parameters.push(name);
    source += name ? (greedy ? "/(.+)" : "/([^/]+)") : `/${literal(segment)}`;
    rank += name ? (greedy ? "2" : "1") : "0";
  }
  return { route, method, path: new RegExp(`^${source}$`), parameters, rank: rank + (method === "ANY" ? "1" : "0") };
}

function literal(segment: string): string {
  return sameEncoding(segment).replaceAll(/[.*()]/g, String.raw`\$&`);
}

/** Encodes a segment in the canonical way. */
function sameEncoding(segment: string): string {
  return encodeURIComponent(decodeURIComponent(segment));
}
