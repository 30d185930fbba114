import type { CloudAssembly, Resource } from "./cloud-assembly.ts";

/** Region and account of the local run. */
export interface Place {
  region: string;
  accountId: string;
}

/** The values of `Ref` and `Fn::GetAtt` of one resource. */
interface Identity {
  ref: string;
  attributes?: Record<string, string>;
}

/** How to name each type of resource to which what runs here refers. A reference to another type stops the local run. */
const identities: Record<string, (resource: Resource, place: Place) => Identity> = {
  "AWS::ApiGatewayV2::Api": ({ logicalId }) => ({ ref: logicalId.toLowerCase() }),
  "AWS::ApiGatewayV2::Integration": ({ logicalId }) => ({ ref: logicalId }),
  "AWS::DynamoDB::Table": (resource, place) => named(resource, place, "dynamodb", "table/"),
  "AWS::IAM::Role": (resource, { accountId }) => named(resource, { region: "", accountId }, "iam", "role/"),
  "AWS::KMS::Key": ({ logicalId }, { region, accountId }) => ({
    ref: logicalId,
    attributes: { Arn: `arn:aws:kms:${region}:${accountId}:key/${logicalId}` },
  }),
  "AWS::Lambda::Alias": ({ stack, properties }, place) => ({
    ref: `${functionArn(stack, (properties["FunctionName"] as { Ref: string }).Ref, place)}:${String(properties["Name"])}`,
  }),
  "AWS::Lambda::Function": (resource, place) => named(resource, place, "lambda", "function:"),
  "AWS::Lambda::Version": ({ logicalId }) => ({ ref: logicalId, attributes: { Version: "1" } }),
  "AWS::Logs::LogGroup": (resource, place) => named(resource, place, "logs", "log-group:"),
  "AWS::SQS::Queue": (resource, place) => named(resource, place, "sqs", ""),
  "AWS::SecretsManager::Secret": ({ logicalId }) => ({ ref: logicalId }),
};

const functionArn = (stack: string, logicalId: string, { region, accountId }: Place) =>
  `arn:aws:lambda:${region}:${accountId}:function:${stack}-${logicalId}`;

function named({ stack, logicalId }: Resource, { region, accountId }: Place, service: string, kind: string): Identity {
  const name = `${stack}-${logicalId}`;
  return { ref: name, attributes: { Arn: `arn:aws:${service}:${region}:${accountId}:${kind}${name}` } };
}

/**
 * Resolves the intrinsic functions that what runs here uses: Ref, Fn::GetAtt, Fn::Join, Fn::Sub and Fn::ImportValue.
 * Throws an Error that names the unsupported function or resource.
 */
export function createResolver(assembly: CloudAssembly, place: Place): (value: unknown, stack: string) => unknown {
  const identityOf = new Map<string, Identity>();
  for (const resource of assembly.resources) {
    const identity = identities[resource.type]?.(resource, place);
    if (identity) identityOf.set(`${resource.stack}/${resource.logicalId}`, identity);
  }
  const pseudoParameters: Record<string, string> = {
    "AWS::AccountId": place.accountId,
    "AWS::Region": place.region,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
  };

  function ref(name: string, stack: string): string {
    const value = pseudoParameters[name] ?? identityOf.get(`${stack}/${name}`)?.ref;
    if (value === undefined) throw new Error(`The local run cannot resolve Ref ${name} in ${stack}.`);
    return value;
  }

  function getAtt(name: string, attribute: string, stack: string): string {
    const value = identityOf.get(`${stack}/${name}`)?.attributes?.[attribute];
    if (value === undefined)
      throw new Error(`The local run cannot resolve Fn::GetAtt ${name}.${attribute} in ${stack}.`);
    return value;
  }

  function call(name: string, argument: unknown, stack: string): unknown {
    switch (name) {
      case "Ref":
        return ref(String(argument), stack);
      case "Fn::GetAtt": {
        const [logicalId, attribute] = argument as [string, string];
        return getAtt(logicalId, attribute, stack);
      }
      case "Fn::Join": {
        const [separator, parts] = argument as [string, unknown[]];
        return parts.map((part) => String(resolve(part, stack))).join(separator);
      }
      case "Fn::Sub":
        if (typeof argument !== "string") break;
        return argument.replace(/\$\{([^!}.]+)(?:\.([^}]+))?\}/g, (_, logicalId: string, attribute?: string) =>
          attribute ? getAtt(logicalId, attribute, stack) : ref(logicalId, stack),
        );
      case "Fn::ImportValue": {
        const exported = assembly.exports.get(String(resolve(argument, stack)));
        if (exported) return resolve(exported.value, exported.stack);
        break;
      }
    }
    throw new Error(`The local run cannot resolve ${name} ${JSON.stringify(argument)} in ${stack}.`);
  }

  function resolve(value: unknown, stack: string): unknown {
    if (Array.isArray(value)) return value.map((entry) => resolve(entry, stack));
    if (typeof value !== "object" || value === null) return value;
    const [[name, argument] = ["", undefined], ...others] = Object.entries(value);
    if (others.length === 0 && (name === "Ref" || name.startsWith("Fn::"))) return call(name, argument, stack);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolve(entry, stack)]));
  }

  return resolve;
}
