/**
 * How the construct `SmartTokenBroker` names what it has in another app's stack, and how an operator's commands find it
 * there. A change hides deployed brokers from `broker --stack`, and renames what holds data.
 */

/** The start of the names of its outputs. */
export const outputPrefix = "SmartTokenBroker";

/**
 * A part of the logical ids of its resources; the name of the part follows, as in `BrokerStbApiToken…`. It is short, because
 * names that CloudFormation makes have 24 characters of the logical id.
 */
export const resourceMark = "Stb";
