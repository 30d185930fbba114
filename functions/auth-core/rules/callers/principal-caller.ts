import * as v from "valibot";
import type { ConnectionId } from "../connection-id.ts";
import { type CallerKind, type CommonFields, onlyConnections, text } from "./caller-kind.ts";

/** An AWS role or account. The stacks create a role that it can assume; the functions do not use this entry. */
export interface PrincipalCaller extends CommonFields {
  kind: "principal";
  connections: ConnectionId[];
  principal: string;
}

const schema = v.pipe(
  text("principal"),
  v.regex(
    /^(arn:aws[a-z-]*:iam::\d{12}:(role\/[\w+=,.@/-]+|root)|\d{12})$/,
    "principal must be the ARN of a role or an account, or an account's 12 digits",
  ),
  v.description("ARN of an AWS role or account, or the account's 12 digits."),
);

export const principalCallers: CallerKind<typeof schema, PrincipalCaller> = {
  schema,
  read(common, principal) {
    if (common.calls) return "calls is not for principal: a service on AWS has the client, or a JWT of AWS STS";
    const fields = onlyConnections(common);
    return typeof fields === "string" ? fields : { kind: "principal", ...fields, principal };
  },
};
