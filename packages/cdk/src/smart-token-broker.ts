import { CfnOutput, Stack, Tags, Token, TokenComparison } from "aws-cdk-lib";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { callersMetadata } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { outputPrefix, resourceMark } from "@smart-token-broker/auth-core/rules/one-stack.ts";
import { withoutHyphens } from "../../../infra/logical-id.ts";
import { Api } from "../../../infra/parts/api.ts";
import { Monitoring } from "../../../infra/parts/monitoring.ts";
import { Rotation } from "../../../infra/parts/rotation.ts";
import { State } from "../../../infra/parts/state.ts";
import { SettingError, unchanged } from "../../../infra/settings/error.ts";
import type { SmartTokenBrokerProps } from "./props.ts";
import { readProps } from "./read-props.ts";

/** A broker in the stack of the scope. A stack can have one. */
export class SmartTokenBroker extends Construct {
  /** URL of the broker, before `/v1`, without a slash at its end. */
  readonly url: string;
  /** The topic of all alarms. Subscribe to it. */
  readonly alarmTopic: sns.ITopic;
  readonly #api: Api;

  constructor(scope: Construct, id: string, props: SmartTokenBrokerProps) {
    super(scope, id);
    const stack = Stack.of(this);
    if (stack.templateOptions.metadata?.[callersMetadata] !== undefined) {
      throw new SettingError(
        `The stack ${stack.node.path} has a second SmartTokenBroker, ${this.node.path}: their outputs would have the same names. ${unchanged} Put it into a stack of its own.`,
      );
    }
    const settings = readProps(props, this.node.path);

    const parts = new Construct(this, resourceMark);
    const state = new State(parts, "State", settings);
    this.#api = new Api(parts, "Api", settings, state.stores);
    const rotation = new Rotation(parts, "Rotation", settings, state.stores);
    const monitoring = new Monitoring(parts, "Monitoring", settings, {
      state,
      api: this.#api,
      rotation,
      target: `--stack ${stack.stackName}`,
    });
    // A schedule has its secret's name only. In one stack, CloudFormation would create both at the same time.
    for (const connection of settings.connections.map(withoutHyphens)) {
      const schedule = rotation.node.tryFindChild(`KeyRotationOf-${connection}`);
      schedule?.node.addDependency(state.node.findChild(`Secret-${connection}`));
    }
    for (const output of parts.node.findAll()) {
      if (output instanceof CfnOutput) output.overrideLogicalId(`${outputPrefix}${output.node.id}`);
    }
    // As in the broker's own app: they find what stays after a removal. Tags of this app with the same keys win.
    for (const [key, value] of Object.entries({ application: "smart-token-broker", stage: settings.stage })) {
      Tags.of(parts).add(key, value, { priority: 50 });
    }
    this.url = this.#api.url;
    this.alarmTopic = monitoring.alarmTopic;
  }

  /**
   * Allows a role of this account to get tokens of one connection: `GET` and `POST` of its token route, and no other
   * connection. The connection need not be in `connections`.
   */
  grantToken(grantee: iam.IGrantable, connection: string): iam.Grant {
    const mistake = (text: string) => new SettingError(`grantToken of ${this.node.path}: ${text}`);
    if (!parseConnectionId(connection)) {
      throw mistake(`the connection must be ${connectionIdRule}. ${unchanged} Correct the call.`);
    }
    // The CDK adds nothing to a role of another account, and reports success.
    const { account } = Stack.of(this);
    if (
      Token.compareStrings(grantee.grantPrincipal.principalAccount ?? account, account) === TokenComparison.DIFFERENT
    ) {
      throw mistake(
        `the role is of another account, and an HTTP API has no resource policy. ${unchanged} List the role as a principal in callers.`,
      );
    }
    return this.#api.grantToken(grantee, connection);
  }
}
