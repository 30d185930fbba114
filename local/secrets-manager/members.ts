import { invalidRequest, serialization, validation } from "./errors.ts";

export interface Tag {
  Key: string;
  Value: string;
}

export interface Filter {
  Key: string;
  Values: string[];
}

/** Exactly one of the first two is expected. A duration is not emulated. */
export interface RotationRules {
  AutomaticallyAfterDays?: number;
  ScheduleExpression?: string;
  Duration?: string;
}

/** The members of all emulated requests, with their names in the API. A binary value is base64. */
export interface Members {
  ClientRequestToken?: string;
  Description?: string;
  Filters?: Filter[];
  ForceDeleteWithoutRecovery?: boolean;
  IncludePlannedDeletion?: boolean;
  KmsKeyId?: string;
  MaxResults?: number;
  MoveToVersionId?: string;
  Name?: string;
  NextToken?: string;
  RecoveryWindowInDays?: number;
  RemoveFromVersionId?: string;
  RotateImmediately?: boolean;
  RotationLambdaARN?: string;
  RotationRules?: RotationRules;
  SecretBinary?: string;
  SecretId?: string;
  SecretString?: string;
  Tags?: Tag[];
  VersionId?: string;
  VersionStage?: string;
  VersionStages?: string[];
}

/** Members of which some are present. */
export type With<Name extends keyof Members> = Members & { [Member in Name]-?: NonNullable<Members[Member]> };

interface Constraint {
  /** The length of a value, or a number itself; `undefined` for a wrong type. */
  measure: (value: unknown) => number | undefined;
  min?: number;
  max?: number;
  quantity?: "length" | "value";
  secret?: boolean;
  /** The constraints of nested members. */
  members?: ReadonlyMap<string, Constraint>;
}

const text = (min: number, max: number): Constraint => ({
  measure: (value) => (typeof value === "string" ? value.length : undefined),
  min,
  max,
});

const secretText = (encoding: "utf8" | "base64"): Constraint => ({
  measure: (value) => (typeof value === "string" ? Buffer.from(value, encoding).length : undefined),
  min: 1,
  max: 65_536,
  secret: true,
});

const integer = (limits: { min?: number; max?: number }): Constraint => ({
  measure: (value) => (typeof value === "number" && Number.isInteger(value) ? value : undefined),
  quantity: "value",
  ...limits,
});

const list = (isItem: (item: unknown) => boolean, min: number, max: number): Constraint => ({
  measure: (value) => (Array.isArray(value) && value.every(isItem) ? value.length : undefined),
  min,
  max,
});

const boolean: Constraint = { measure: (value) => (typeof value === "boolean" ? 0 : undefined) };
const isString = (value: unknown) => typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// The limits of the service model. RecoveryWindowInDays has none there: the service checks it with another error.
const MODEL: Record<keyof Members, Constraint> = {
  ClientRequestToken: text(32, 64),
  Description: text(0, 2048),
  Filters: list(
    (item) =>
      isObject(item) && isString(item["Key"]) && Array.isArray(item["Values"]) && item["Values"].every(isString),
    0,
    10,
  ),
  ForceDeleteWithoutRecovery: boolean,
  IncludePlannedDeletion: boolean,
  KmsKeyId: text(0, 2048),
  MaxResults: integer({ min: 1, max: 100 }),
  MoveToVersionId: text(32, 64),
  Name: text(1, 512),
  NextToken: text(1, 4096),
  RecoveryWindowInDays: integer({}),
  RemoveFromVersionId: text(32, 64),
  RotateImmediately: boolean,
  RotationLambdaARN: text(0, 2048),
  RotationRules: {
    measure: (value) => (isObject(value) ? 0 : undefined),
    members: new Map([
      ["AutomaticallyAfterDays", integer({ min: 1, max: 1000 })],
      ["Duration", text(2, 3)],
      ["ScheduleExpression", text(1, 256)],
    ]),
  },
  SecretBinary: secretText("base64"),
  SecretId: text(1, 2048),
  SecretString: secretText("utf8"),
  Tags: list((item) => isObject(item) && isString(item["Key"]) && isString(item["Value"]), 0, 200),
  VersionId: text(32, 64),
  VersionStage: text(1, 256),
  VersionStages: list(isString, 1, 20),
};

const CONSTRAINTS = new Map(Object.entries(MODEL));

const NAME = /^[A-Za-z0-9/_+=.@!-]+$/;
const BAD_NAME =
  "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";

/**
 * Checks a request body against the service model: types, lengths, ranges, the characters of names, and that every
 * `required` member is present. The store checks what a member means. Unknown members are ignored. Throws
 * SerializationException or ValidationException.
 */
export function checkMembers<Required extends keyof Members>(
  body: unknown,
  required: readonly Required[],
): With<Required> {
  if (!isObject(body)) throw serialization("The request body is not an object.");
  const given = Object.entries(body).filter(([, value]) => value !== null);
  for (const [member, value] of given) checkMember(member, value, CONSTRAINTS.get(member));
  const members: Members = Object.fromEntries(given);
  refuseMissing(members, required);
  const { Name, SecretId } = members;
  if (Name !== undefined && !NAME.test(Name)) throw validation(BAD_NAME);
  if (SecretId !== undefined && !SecretId.startsWith("arn:") && !NAME.test(SecretId)) throw validation(BAD_NAME);
  return members;
}

/** The id of a new version. Throws InvalidRequestException if it is missing. */
export function tokenOf({ ClientRequestToken }: Members): string {
  if (ClientRequestToken !== undefined) return ClientRequestToken;
  throw invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.");
}

function checkMember(member: string, value: unknown, constraint: Constraint | undefined): void {
  if (constraint === undefined) return;
  const { measure, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, quantity = "length" } = constraint;
  const measured = measure(value);
  if (measured === undefined) throw serialization(`The member ${member} has the wrong type.`);
  const shown = constraint.secret === true ? "Value" : `Value '${String(value)}'`;
  if (measured < min) throw broken(member, shown, `have ${quantity} greater than or equal to ${min}`);
  if (measured > max) throw broken(member, shown, `have ${quantity} less than or equal to ${max}`);
  for (const [name, inner] of constraint.members ?? []) {
    const own = (value as Record<string, unknown>)[name];
    if (own !== undefined) checkMember(`${member}.${name}`, own, inner);
  }
}

function refuseMissing<Required extends keyof Members>(
  members: Members,
  required: readonly Required[],
): asserts members is With<Required> {
  const missing = required.find((member) => members[member] === undefined);
  if (missing !== undefined) throw broken(missing, "Value null", "not be null");
}

function broken(member: string, shown: string, must: string) {
  const path = member.replaceAll(/(^|\.)[A-Z]/g, (first) => first.toLowerCase());
  return validation(
    `1 validation error detected: ${shown} at '${path}' failed to satisfy constraint: Member must ${must}`,
  );
}
