/** The result of one sweep, in connections. */
export interface SweepSummary {
  due: number;
  replaced: number;
  failed: number;
  /** The registration was deleted, so the tokens were deleted too. */
  erased: number;
  /** Nothing was due for replacement, but a retiring key was checked. */
  keysOnly: number;
  /** Another environment was replacing the token set, or had just replaced it. */
  leasedByOthers: number;
  /** The index lagged behind: there is no item, or nothing was due any more. */
  notDue: number;
  /** Left for the next sweep, because this one ran out of time. */
  deferred: number;
  /** Seconds by which the most overdue connection was late at the start; 0 if nothing was due. */
  oldestLateness: number;
}

/** Ages of a connection's credentials, in days with a fraction; absent if unknown. */
export interface CredentialAges {
  /** Until the end of the refresh token; negative after it. Absent if its lifetime is too short to be used. */
  refreshTokenDaysLeft?: number;
  /** The refresh token is too close to its end to be used, and the API-key requests in its place fail. */
  refreshTokenEnds?: true;
  /** Since the secret's current version was created, as of the last replacement. */
  keyAgeDays?: number;
}
