/**
 * The caller's role: an assumed role without its session name (`arn:aws:sts::…:assumed-role/orders`), any other principal
 * unchanged. Session names change with every deployment and would make every caller look new.
 */
export function callerRole(userArn: string | undefined): string {
  if (!userArn) return "unknown";
  const [arn, role] = userArn.split("/");
  return arn?.endsWith(":assumed-role") ? `${arn}/${role ?? ""}` : userArn;
}
