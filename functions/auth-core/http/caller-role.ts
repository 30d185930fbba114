/**
 * Who asked, by role: an assumed role without its session name (`arn:aws:sts::…:assumed-role/orders`), any other
 * principal as it is. Session names change with every deployment, so they would make every caller look new.
 */
export function callerRole(userArn: string | undefined): string {
  if (!userArn) return "unknown";
  const [arn, role] = userArn.split("/");
  return arn?.endsWith(":assumed-role") ? `${arn}/${role ?? ""}` : userArn;
}
