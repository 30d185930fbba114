/**
 * The caller's role: an assumed role without its session name (`arn:aws:sts::…:assumed-role/orders`), any other principal
 * unchanged. Session names change with every deployment and would make every caller look new.
 */
export function callerRole(userArn: string | undefined): string {
  if (!userArn) return "unknown";
  const [arn, role] = userArn.split("/");
  return arn?.endsWith(":assumed-role") ? `${arn}/${role ?? ""}` : userArn;
}

/**
 * Whose reports of rejected tokens count together: the caller's role. All federated users of an account are one reporter,
 * because the account's users choose these names themselves (STS `GetFederationToken`).
 */
export function reporterRole(userArn: string | undefined): string {
  return callerRole(userArn).replace(/:federated-user\/.*$/, ":federated-user");
}
