/** The methods that a rule can allow. */
export const callMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export type CallMethod = (typeof callMethods)[number];

/** Which calls an entry allows. */
export interface CallRule {
  /** GET includes HEAD. */
  methods: CallMethod[];
  /**
   * A path below the connection's `apiBaseUrl`. A segment is a literal, `*` (one segment), `{scope}` (the connection's own
   * scope) or, only at the end, `**` (one or more).
   */
  path: string;
}

/** Characters. */
export const maxPathLength = 2048;

/** A segment that stands for the connection's registered scope, in a rule and in a request. */
export const scopeSegment = "{scope}";

/**
 * What an operator should know of rules that do not keep their callers to the paths of the connection's own scope: only the
 * token does. One text, or none if there is no such rule.
 */
export function scopeWarning(
  callers: readonly { name: string; calls?: readonly Pick<CallRule, "path">[] }[],
): string[] {
  const wide = callers.flatMap(({ name, calls = [] }) =>
    calls.filter(({ path }) => !segmentsOf(path).includes(scopeSegment)).map(({ path }) => `${name} ${path}`),
  );
  if (wide.length === 0) return [];
  return [
    `callers: rules of calls have no ${scopeSegment}: ${wide.length} (${wide.slice(0, 5).join(", ")}). They allow these paths whichever customer the path or its query names. Write ${scopeSegment} in the place of the customer's scope, or make sure that the API compares the path with the token.`,
  ];
}

// The last ones cannot be seen, or look like a percent sign, a slash or a backslash.
const forbidden =
  /[/\\%?#;\p{C}\u2028\u2029\uFFFD\p{Default_Ignorable_Code_Point}\u066A\u2044\u2215\u2216\u29F5\u29F8]/u;

/**
 * What is wrong with a decoded segment of a path, as a clause; `undefined` if nothing is. Some server could read a segment
 * that breaks this as another path than the one that was compared with the rules.
 */
export function brokenSegment(segment: string): string | undefined {
  // Breaks none of the rules below, and is what most segments are.
  if (/^[\w-]+$/.test(segment)) return undefined;
  if (segment === "") return "has an empty segment or a slash at its end";
  // Spaces of any kind: some server may trim them, and read `+` as one.
  if (/^[.\s+]+$/.test(segment)) return "has a segment of dots or spaces";
  if (/^\s|[\s.]$/.test(segment)) return "has a segment with a space at its edge or a dot at its end";
  if (forbidden.test(segment))
    return "has a segment with a character that is not allowed, like \\ % ? # ; or a control character";
  const normalised = segment.normalize("NFKC");
  const gains = Array.from("/\\.%?#;").some((char) => normalised.split(char).length > segment.split(char).length);
  return gains ? "has a segment with a character that stands for one of / \\ . % ? # ;" : undefined;
}

/** Paths of the vendor's token endpoints, in lower case. */
export const tokenEndpoints = ["/api/v1/auth/token", "/oauth/token"].map(segmentsOf);

/** What is wrong with the path of a rule, as a clause; `undefined` if nothing is. */
export function brokenPattern(path: string): string | undefined {
  if (path.length > maxPathLength) return `is longer than ${maxPathLength} characters`;
  if (!path.startsWith("/")) return "must begin with /";
  const parts = segmentsOf(path);
  if (parts[0] !== undefined && isVariable(parts[0])) return "must begin with a literal segment, like /api";
  for (const [index, part] of parts.entries()) {
    if (part === "**" && index < parts.length - 1) return "has ** before its end";
    if (isVariable(part)) continue;
    if (/[*{}]/.test(part))
      return `has a segment that is partly variable. Use whole segments: *, ** or ${scopeSegment}`;
    const broken = brokenSegment(part);
    if (broken !== undefined) return broken;
  }
  const lower = { methods: ["POST" as const], path: path.toLowerCase() };
  return tokenEndpoints.some((segments) => allowsCall(lower, "POST", segments))
    ? "matches a token endpoint of Smart Services. Write a narrower path"
    : undefined;
}

/**
 * Whether a rule allows a call. Upper and lower case count.
 *
 * @param segments decoded, of the request's path
 * @param scope the connection's registered scope. Absent while it is not known: then it could be any segment
 */
export function allowsCall(
  { methods, path }: CallRule,
  method: CallMethod,
  segments: readonly string[],
  scope?: string,
): boolean {
  if (!methods.includes(method) && !(method === "HEAD" && methods.includes("GET"))) return false;
  const parts = segmentsOf(path);
  const isLongEnough = parts.at(-1) === "**" ? segments.length >= parts.length : segments.length === parts.length;
  return isLongEnough && parts.every((part, index) => fits(part, segments[index], scope));
}

function fits(part: string, segment: string | undefined, scope: string | undefined): boolean {
  if (part === "*" || part === "**") return true;
  if (scope === undefined && (part === scopeSegment || segment === scopeSegment)) return true;
  return segment === (part === scopeSegment ? scope : part);
}

function isVariable(part: string): boolean {
  return part === "*" || part === "**" || part === scopeSegment;
}

function segmentsOf(path: string): string[] {
  return path.slice(1).split("/");
}
