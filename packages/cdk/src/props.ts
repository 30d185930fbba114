// The public types import nothing of the workspace, so that the package's types need no bundling.
// test/infra/construct.test.ts compares them with the schemas of the settings.

/** The settings of a broker. Each mistake is an error at synthesis that names the prop. */
export interface SmartTokenBrokerProps {
  /**
   * Part of every name. One account can have several brokers in a region, each with its own stage. 1 to 16 characters a-z
   * and 0-9, the first a letter. Another stage is another broker, without data.
   */
  readonly stage: string;
  /**
   * Connections whose empty secret the stack creates, at most 100. `npx broker connections add ID` adds others without a
   * deployment.
   *
   * @default - none
   */
  readonly connections?: string[];
  /**
   * Callers without AWS credentials, and principals of other accounts. Services of this account need no entry: use
   * `grantToken`.
   *
   * @default - none
   */
  readonly callers?: CallerEntry[];
  /**
   * Requests per second and burst, for each kind of route.
   *
   * @default - token 200 and 400, oauth and calls 100 and 200, status 10 and 20
   */
  readonly throttle?: ThrottleProps;
  /**
   * Number of schedules that share the connections, 1 to 16.
   *
   * @default 1
   */
  readonly shards?: number;
  /**
   * Days between two rotations of an API key, 0 to 1000; 0 turns rotation off.
   *
   * @default 90
   */
  readonly rotateApiKeysEveryDays?: number;
  /**
   * Receives alarms by e-mail, after it has confirmed the subscription.
   *
   * @default - alarms reach only those who subscribe to `alarmTopic`
   */
  readonly alarmEmail?: string;
  /**
   * Requests a token of this connection from the public URL every five minutes, so that an outage without callers shows.
   *
   * @default - only callers request tokens
   */
  readonly prober?: ProberProps;
  /**
   * Retention of the functions' logs and of the access log in days: one of those that CloudWatch Logs has, from 1 to 3653.
   *
   * @default 30
   */
  readonly logRetentionDays?: number;
  /**
   * Executions at once that are reserved for a function, and its limit.
   *
   * @default - all functions share those of the account
   */
  readonly reservedConcurrency?: ReservedConcurrency;
  /**
   * A host name of the API, which stays when the API is created again.
   *
   * @default - the API's default endpoint
   */
  readonly domain?: DomainProps;
  /**
   * How new code of the token, oauth and calls functions comes into use. `canary`: by CodeDeploy, 10 % of the requests for five
   * minutes, and back if an alarm starts. Then CloudFormation rolls the whole stack back.
   *
   * @default "all-at-once"
   */
  readonly deployment?: "all-at-once" | "canary";
  /**
   * Whether AWS X-Ray traces the functions. X-Ray then samples one request a second and 5 % of the rest, in each function.
   *
   * @default false
   */
  readonly tracing?: boolean;
}

/** An entry of the list of callers, as in docs/callers.md. */
export type CallerEntry = KeyCallerEntry | OidcCallerEntry | PrincipalCallerEntry;

/** Authenticates with a random key: `npx broker callers key` makes one and prints its hash. */
export interface KeyCallerEntry {
  readonly name: string;
  readonly connections: string[];
  /** SHA-256 in hex; two hashes while a key is being replaced. */
  readonly keySha256: string[];
  /** What this caller may call through the broker. Then it gets no token. */
  readonly calls?: CallRuleEntry[];
}

/** Which calls an entry allows. */
export interface CallRuleEntry {
  /** GET includes HEAD. */
  readonly methods: ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /** `/api/v1/{scope}/CO/**`: `*` is one segment, `**` the rest, `{scope}` the connection's own scope. */
  readonly path: string;
}

/** Authenticates with a JWT: a pipeline, a workload or a signed-in user. */
export interface OidcCallerEntry {
  readonly name: string;
  /** The connections that it may use. If absent, the `connectionsClaim` of each JWT lists them. */
  readonly connections?: string[];
  readonly oidc: OidcTrust;
  /** Origins of the web pages that may send this entry's JWTs: `https://portal.example.com`. */
  readonly origins?: string[];
  /** What this caller may call through the broker. Then it gets no token. */
  readonly calls?: CallRuleEntry[];
}

/** A role or an account that assumes a role of the stack. */
export interface PrincipalCallerEntry {
  readonly name: string;
  readonly connections: string[];
  /** ARN of a role or an account, or an account's 12 digits. */
  readonly principal: string;
}

/** Which JWTs an entry matches. */
export interface OidcTrust {
  /** HTTPS URL, as in the claim `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** All of them are required. A `*` at the end of a text matches any rest. */
  readonly claims?: Record<string, string | boolean>;
  /** The claim that lists the connections of the JWT's user. */
  readonly connectionsClaim?: string;
  /**
   * The longest lifetime of a JWT, in seconds.
   *
   * @default 86400
   */
  readonly maxLifetime?: number;
}

/** Limits of each kind of route. */
export interface ThrottleProps {
  readonly token?: RouteThrottle;
  readonly oauth?: RouteThrottle;
  readonly calls?: RouteThrottle;
  readonly status?: RouteThrottle;
}

/** Requests per second. */
export interface RouteThrottle {
  readonly rate: number;
  readonly burst: number;
}

/** What the prober requests. */
export interface ProberProps {
  readonly connection: string;
}

/** Executions at once, by function. */
export interface ReservedConcurrency {
  readonly token?: number;
  readonly oauth?: number;
  readonly calls?: number;
  readonly status?: number;
  readonly "token-rotation"?: number;
  readonly "key-rotation"?: number;
  readonly prober?: number;
}

/** A custom domain of the API. */
export interface DomainProps {
  /** In lower case, without a path. */
  readonly name: string;
  /** Certificate in ACM, in the region of the API. An ARN, and no token of the CDK. */
  readonly certificateArn: string;
  /** Zone for the DNS record. If absent, make the record yourself, for the output `DomainTarget`. */
  readonly hostedZone?: { readonly id: string; readonly name: string };
  /**
   * Whether the API also answers at its default endpoint.
   *
   * @default true
   */
  readonly defaultEndpoint?: boolean;
}
