import { createHash } from "node:crypto";

/**
 * An id as part of a logical id or of an output's name, neither of which has hyphens.
 *
 * An id without a hyphen stays as it is. Any other gets `X` and a hash, so that `acme-1` and `acme1` differ: no id has an
 * upper-case letter. The result for an id must never change. CloudFormation creates a renamed resource, then deletes the
 * old one: a renamed rotation schedule turns the rotation off, and a renamed secret fails because its name exists.
 */
export function withoutHyphens(id: string): string {
  const plain = id.replaceAll("-", "");
  return plain === id ? id : `${plain}X${createHash("sha256").update(id).digest("hex").slice(0, 8)}`;
}
