/** Why a signature is rejected. */
export type SignatureFault =
  | "no_signature" // no Authorization header of AWS Signature Version 4; a presigned URL does not count
  | "wrong_scope" // another date, region or service than this gateway's, or not `aws4_request`
  | "bad_date" // X-Amz-Date (or Date) missing, not as 20261124T080000Z, or over 300 s from the clock
  | "unsigned_header" // host or an x-amz-* header is not signed, or a signed one did not arrive
  | "false_hash" // x-amz-content-sha256 is not the hash of the body that arrived; UNSIGNED-PAYLOAD is not accepted
  | "unknown_key"
  | "wrong_signature";
