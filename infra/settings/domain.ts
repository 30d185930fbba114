import * as v from "valibot";

const hostName = (rule: string) =>
  v.pipe(
    v.string(rule),
    v.regex(/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/, rule),
  );

/** The value of the setting `domain`. */
export const domainSchema = v.strictObject(
  {
    // Callers' policies and the functions compare whole paths, so there are no base paths.
    name: hostName("must be a host name, in lower case and without a path"),
    certificateArn: v.pipe(
      v.string("must be a string"),
      v.regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[\w-]+$/, "must be the ARN of a certificate in ACM"),
    ),
    // Absent: the DNS record is made elsewhere.
    hostedZone: v.optional(
      v.strictObject(
        {
          id: v.pipe(
            v.string("must be a string"),
            v.regex(/^Z[A-Z0-9]{1,31}$/, "must be the id of a hosted zone, as Z0123456789ABC"),
          ),
          name: hostName("must be a host name, in lower case and without a dot at its end"),
        },
        "must be an object with id and name only",
      ),
    ),
    // Whether the API also answers at its default endpoint. Absent: true.
    defaultEndpoint: v.optional(v.boolean("must be true or false")),
  },
  "must be an object with name and certificateArn, and optionally hostedZone and defaultEndpoint",
);

/** A host name of the API, which stays when the API is created again. */
export type DomainSettings = v.InferOutput<typeof domainSchema>;
