interface KeyAction {
  /** The functions that send it. */
  by: readonly ("key-rotation" | "token-rotation")[];
  /** The alarm that watches it: also its section of docs/runbook.md. */
  alarm: "key-overdue" | "key-rotation-failed" | "rotation-off";
  /** What the operator does next: a clause before a command of `broker`, or a sentence. */
  next: string;
  command?: (connection: string) => string;
}

const stage = (id: string) => `keys stage ${id}`;
const rotate = (id: string) => `keys rotate ${id}`;
const rotation = ["key-rotation"] as const;
const sweep = ["token-rotation"] as const;
const failed = { by: rotation, alarm: "key-rotation-failed" } as const;
const overdue = { by: sweep, alarm: "key-overdue" } as const;

/** Every reason of the event `api_key_action_needed`. Closed; docs/events.md lists them. */
export const keyActions = {
  no_next_key: { by: rotation, alarm: "key-overdue", next: "Stage the next key", command: stage },
  no_next_key_staged: { ...overdue, next: "Stage the next key", command: (id) => `${stage(id)} --wait-for-schedule` },
  next_key_malformed: { ...failed, next: "Stage a correct one", command: stage },
  next_key_refused: { ...failed, next: "Request another key from Smart Services and stage it", command: stage },
  next_key_of_another_scope: { ...failed, next: "Stage a key of this connection", command: stage },
  superseded: { ...failed, next: "Check the labels", command: (id) => `keys status ${id}` },
  issuer_failed: { ...failed, by: [...rotation, ...sweep], next: "Check the key issuer of the registration." },
  upstream_unavailable: {
    ...failed,
    next: "When Smart Services is available again, start the rotation again",
    command: rotate,
  },
  secret_not_ready: {
    by: sweep,
    alarm: "key-rotation-failed",
    next: "Fix the value",
    command: (id) => `connections set ${id}`,
  },
  rotation_stuck: { ...overdue, next: "Cancel it and start another one", command: rotate },
  rotation_off: {
    by: sweep,
    alarm: "rotation-off",
    next: "Turn it on",
    command: (id) => `${rotate(id)} --every-days 90 --wait-for-schedule`,
  },
} as const satisfies Record<string, KeyAction>;

export type KeyActionReason = keyof typeof keyActions;

/** The reasons for which a rotation fails. */
export type RotationReason = {
  [Reason in KeyActionReason]: "key-rotation" extends (typeof keyActions)[Reason]["by"][number] ? Reason : never;
}[KeyActionReason];

/** The reasons that a function sends, or that an alarm watches. */
export function reasonsOf({
  by,
  alarm,
}: {
  by: KeyAction["by"][number];
  alarm?: KeyAction["alarm"];
}): KeyActionReason[] {
  return (Object.keys(keyActions) as KeyActionReason[]).filter((reason) => {
    const action: KeyAction = keyActions[reason];
    return action.by.includes(by) && (alarm === undefined || action.alarm === alarm);
  });
}

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
  const { next, command }: KeyAction = keyActions[reason];
  const step = command ? `${next} with: broker ${command(connection)}` : next;
  return [sentence, ...(consequence === undefined ? [] : [consequence]), step].join(" ");
}
