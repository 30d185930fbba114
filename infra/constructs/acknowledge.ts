import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/**
 * Accepts findings of cdk-nag on one construct, each with the reason why it is right here. An id without its pack's
 * prefix, or without the exact finding in brackets, would match nothing: a test sees to it that each one is needed.
 */
export function acknowledge(construct: IConstruct, findings: Record<string, string>): void {
  Validations.of(construct).acknowledge(...Object.entries(findings).map(([id, reason]) => ({ id, reason })));
}
