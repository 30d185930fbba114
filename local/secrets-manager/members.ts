import * as v from "valibot";
import { invalidRequest, serialization, validation } from "./errors.ts";

const text = (min: number, max: number) => v.optional(v.pipe(v.string(), v.minLength(min), v.maxLength(max)));
const integer = v.pipe(v.number(), v.integer());
const flag = v.optional(v.boolean());
const maxValueBytes = 65_536;

// The limits of the service model.
const model = v.object({
  ClientRequestToken: text(32, 64),
  Filters: v.optional(v.pipe(v.array(v.object({ Key: v.string(), Values: v.array(v.string()) })), v.maxLength(10))),
  ForceDeleteWithoutRecovery: flag,
  IncludePlannedDeletion: flag,
  MaxResults: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(100))),
  MoveToVersionId: text(32, 64),
  Name: text(1, 512),
  NextToken: text(1, 4096),
  RecoveryWindowInDays: v.optional(integer),
  RemoveFromVersionId: text(32, 64),
  RotateImmediately: flag,
  RotationLambdaARN: text(0, 2048),
  // AWS also has schedule expressions and durations.
  RotationRules: v.optional(
    v.strictObject({ AutomaticallyAfterDays: v.pipe(integer, v.minValue(1), v.maxValue(1000)) }),
  ),
  SecretBinary: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(Math.ceil(maxValueBytes / 3) * 4))),
  SecretId: text(1, 2048),
  SecretString: v.optional(v.pipe(v.string(), v.minBytes(1), v.maxBytes(maxValueBytes))),
  Tags: v.optional(v.pipe(v.array(v.object({ Key: v.string(), Value: v.string() })), v.maxLength(200))),
  VersionId: text(32, 64),
  VersionStage: text(1, 256),
  VersionStages: v.optional(v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(20))),
});

/** The members of requests that have an effect here, with their names in the API. A binary value is base64. */
export type Members = v.InferOutput<typeof model>;
export type Tag = NonNullable<Members["Tags"]>[number];
export type Filter = NonNullable<Members["Filters"]>[number];
export type RotationRules = NonNullable<Members["RotationRules"]>;

/** Members of which some are present. */
export type With<Name extends keyof Members> = Members & { [Member in Name]-?: NonNullable<Members[Member]> };

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
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw serialization("The request body is not an object.");
  }
  const checked = v.safeParse(model, body, { abortEarly: true });
  if (!checked.success) throw faultOf(checked.issues[0]);
  const members = checked.output;
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

function refuseMissing<Required extends keyof Members>(
  members: Members,
  required: readonly Required[],
): asserts members is With<Required> {
  const missing = required.find((member) => members[member] === undefined);
  if (missing !== undefined) throw validation(`The member ${missing} is missing.`);
}

/** Its message names the member, never its value. */
function faultOf(issue: v.InferIssue<typeof model>) {
  const path = v.getDotPath(issue) ?? "";
  if (issue.kind === "schema" || issue.type === "integer")
    return serialization(`The member ${path} has the wrong type.`);
  return validation(`The member ${path} breaks the limit ${issue.type} ${String(issue.requirement)}.`);
}
