/** Reasons of the event `api_key_action_needed`. Closed; docs/events.md lists them. */
export type KeyActionReason =
  | "no_next_key"
  | "no_next_key_staged"
  | "next_key_malformed"
  | "next_key_refused"
  | "next_key_of_another_scope"
  | "superseded"
  | "issuer_failed"
  | "upstream_unavailable"
  | "secret_not_ready"
  | "rotation_stuck"
  | "rotation_off";

/** What the operator does next. */
const nextSteps: Record<KeyActionReason, (connection: string) => string> = {
  no_next_key: (id) => `Stage the next key with: broker keys stage ${id}`,
  no_next_key_staged: (id) => `Stage the next key with: broker keys stage ${id} --wait-for-schedule`,
  next_key_malformed: (id) => `Stage a correct one with: broker keys stage ${id}`,
  next_key_refused: (id) => `Request another key from Smart Services, then run: broker keys stage ${id}`,
  next_key_of_another_scope: (id) => `Stage a key of this connection with: broker keys stage ${id}`,
  superseded: (id) => `Check the labels with: broker keys status ${id}`,
  issuer_failed: () => "Check the key issuer of the registration.",
  upstream_unavailable: (id) => `When Smart Services is available again, run: broker keys rotate ${id}`,
  secret_not_ready: (id) => `Fix the value with: broker connections set ${id}`,
  rotation_stuck: (id) => `Cancel it and start another one with: broker keys rotate ${id}`,
  rotation_off: (id) => `Turn it on with: broker keys rotate ${id} --every-days 90 --wait-for-schedule`,
};

/**
 * The `detail` of an event and of its log line: cause, consequence, next step.
 *
 * @param cause a clause or a sentence, as rules return it
 */
export function keyActionDetail(
  reason: KeyActionReason,
  connection: string,
  cause: string,
  consequence?: string,
): string {
  const sentence = `${cause.charAt(0).toUpperCase()}${cause.slice(1).replace(/\.$/, "")}.`;
  return [sentence, ...(consequence === undefined ? [] : [consequence]), nextSteps[reason](connection)].join(" ");
}
