/** What a world contains, and how often each fault occurs. Probabilities are per call unless they say otherwise. */
export interface Mode {
  connections: [least: number, most: number];
  /** Weights of the acts. */
  acts: Partial<Record<ActName, number>>;
  fault: number;
  death: number;
  freeze: number;
  /** A read of Secrets Manager returns what was there some seconds ago, of each label by itself. */
  lag: number;
  /** A step of a rotation runs twice at once. */
  twice: number;
  /** Per world. */
  outage: number;
  tableOutage: number;
  /** The clocks of functions are apart. */
  skew: number;
  /** A request that an environment gets while it serves another one. */
  atOnce: number;
  singleActive: number;
  issuer: number;
  shared: number;
}

export type ActName =
  | "get"
  | "named"
  | "report"
  | "sweep"
  | "put"
  | "stage"
  | "stageBad"
  | "rotate"
  | "stageAndRotate"
  | "cancel"
  | "goBack"
  | "renew"
  | "stageBack"
  | "share"
  | "damage"
  | "damageAndPut"
  | "rename"
  | "renameInOutage"
  | "outage"
  | "rotateAndPut"
  | "rotateAndGoBack"
  | "rotateAndDestroy"
  | "rotateInOutage"
  | "shareInOutage"
  | "remove"
  | "restore"
  | "call"
  | "revokeCaller"
  | "restoreCaller";

const serving = { get: 10, report: 2, sweep: 3 };

export const modes: Record<string, Mode> = {
  calm: mode({ acts: { ...serving, put: 0.3, stageAndRotate: 0.5, renew: 0.5 } }),
  faults: mode({
    acts: { ...serving, put: 0.2 },
    fault: 0.05,
    death: 0.005,
    freeze: 0.03,
    outage: 0.7,
    tableOutage: 0.3,
  }),
  rotation: mode({
    acts: {
      get: 2,
      sweep: 1,
      stageAndRotate: 3,
      rotate: 1,
      put: 0.7,
      rename: 0.3,
      goBack: 0.5,
      cancel: 0.5,
      stage: 0.7,
      stageBad: 0.5,
      rotateAndPut: 2,
      rotateAndGoBack: 2,
      rotateAndDestroy: 0.5,
      rotateInOutage: 0.5,
    },
    fault: 0.03,
    death: 0.004,
    freeze: 0.01,
    lag: 0.2,
    twice: 0.15,
    outage: 0.2,
  }),
  operators: mode({
    connections: [2, 3],
    acts: {
      get: 5,
      report: 0.5,
      sweep: 1,
      put: 2,
      stage: 1,
      stageBad: 0.5,
      stageAndRotate: 2,
      rotate: 1,
      cancel: 1,
      goBack: 1,
      stageBack: 0.5,
      share: 1,
      shareInOutage: 1.5,
      damage: 0.4,
      remove: 0.7,
      restore: 1.2,
      rotateAndPut: 1,
      rotateAndGoBack: 1,
      outage: 0.5,
    },
    fault: 0.01,
    death: 0.001,
    shared: 0.5,
  }),
  issuer: mode({
    acts: { get: 4, sweep: 1, rotate: 4, put: 1, goBack: 0.5, cancel: 0.2, rotateAndPut: 1.5, rotateInOutage: 1 },
    fault: 0.03,
    death: 0.004,
    lag: 0.1,
    twice: 0.1,
    outage: 0.2,
    issuer: 1,
  }),
  "single-active": mode({
    connections: [1, 2],
    acts: { get: 10, report: 2, sweep: 2, stageAndRotate: 1, rotateAndPut: 2, rotateInOutage: 1, put: 0.5, renew: 2 },
    fault: 0.02,
    death: 0.002,
    freeze: 0.02,
    outage: 0.3,
    singleActive: 1,
  }),
  /** Lambda serves one request at a time in an environment; local runs and the managed instances of Lambda, several. */
  names: mode({
    connections: [1, 2],
    acts: {
      get: 4,
      named: 10,
      report: 1,
      sweep: 2,
      rename: 1,
      renameInOutage: 2,
      remove: 0.7,
      restore: 1.5,
      damageAndPut: 1,
    },
    fault: 0.05,
    atOnce: 0.5,
  }),
  skewed: mode({
    acts: {
      ...serving,
      named: 2,
      rename: 0.3,
      put: 0.5,
      stageAndRotate: 1,
      rotateAndPut: 0.5,
      remove: 0.2,
      restore: 0.4,
    },
    fault: 0.03,
    death: 0.003,
    freeze: 0.01,
    outage: 0.3,
    skew: 1,
    atOnce: 0.3,
  }),
  calls: mode({
    connections: [1, 2],
    acts: {
      call: 14,
      get: 1,
      sweep: 2,
      revokeCaller: 0.7,
      restoreCaller: 2,
      put: 0.3,
      stageAndRotate: 0.5,
      remove: 0.2,
      restore: 0.4,
    },
    fault: 0.02,
    death: 0.002,
    freeze: 0.02,
    outage: 0.2,
    tableOutage: 0.2,
    atOnce: 0.5,
    singleActive: 0.3,
  }),
};

function mode(more: Partial<Mode>): Mode {
  const none = {
    fault: 0,
    death: 0,
    freeze: 0,
    lag: 0,
    twice: 0,
    outage: 0,
    tableOutage: 0,
    skew: 0,
    atOnce: 0,
    issuer: 0,
    shared: 0,
  };
  return { connections: [1, 3], acts: serving, singleActive: 0.15, ...none, ...more };
}
