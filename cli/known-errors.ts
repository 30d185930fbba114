/** Errors of AWS and of the network, matched in this order with 'name codes message'. `{}` is the detail of the error. */
export const knownErrors = [
  [
    /CredentialsProviderError|TokenProviderError|Could not load credentials/,
    "denied",
    "No AWS credentials were found. Sign in with aws sso login, or name a profile that has credentials (--profile, AWS_PROFILE).",
  ],
  [
    /ExpiredToken|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature|RequestTimeTooSkewed|RequestExpired/,
    "denied",
    "AWS does not accept these credentials. Sign in again, and check the clock of this machine.",
  ],
  [
    /DecryptionFailure|EncryptionFailure|KMSAccessDenied|KMSInvalidState|KMSNotFound|KeyUnavailable|DisabledException/,
    "denied",
    "The KMS key of the secret cannot be used ({}). Enable the key, or grant your role its use (docs/cli.md#permissions).",
  ],
  [
    /Deserialization error:/,
    "unreachable",
    "A response of an AWS service cannot be read. A proxy or another server can answer in its place: check the network, AWS_ENDPOINT_URL and --local-url.",
  ],
  [
    /AccessDenied|NotAuthorized|not authorized|UnauthorizedOperation/,
    "denied",
    "AWS denies this to your role ({}). Grant it the permission (docs/cli.md#permissions).",
  ],
  [
    /Throttling|Throttled|TooManyRequests|RequestLimitExceeded|Rate exceeded|ProvisionedThroughputExceeded/,
    "unreachable",
    "AWS limits the requests of this account ({}). Run the command again in a minute.",
  ],
  [
    /InternalService|InternalServerError|InternalFailure|ServiceUnavailable|ServiceException/,
    "unreachable",
    "AWS has a temporary failure ({}). Run the command again; see https://health.aws.amazon.com if it stays.",
  ],
  [
    /LimitExceeded|ServiceQuotaExceeded/,
    "failed",
    "A quota of this AWS account is used up ({}). Delete what you do not need, or raise the quota in Service Quotas.",
  ],
  [
    /InvalidRequestException/,
    "failed",
    "The secret is in a state that does not allow this ({}). broker connections list shows the state of each secret.",
  ],
  [
    /ResourceNotFound|NoSuchEntity|StackNotFound/,
    "notFound",
    "A resource of the deployment does not exist ({}). Check --stage and --region, or deploy again.",
  ],
  [
    /fetch failed|CERT_|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|TimeoutError|UND_ERR|socket hang up/,
    "unreachable",
    "Cannot reach the server ({}). Check the network, the region, --local-url, and the DNS record if the stage has a domain.",
  ],
] as const satisfies [pattern: RegExp, kind: string, message: string][];
