import { CfnOutput } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import * as route53 from "aws-cdk-lib/aws-route53";
import { ApiGatewayv2DomainProperties } from "aws-cdk-lib/aws-route53-targets";
import type { Construct } from "constructs";
import type { DomainSettings } from "../settings/domain.ts";

/**
 * Adds a custom domain that leads to the stage of the API, and its DNS record if there is a hosted zone. Returns the URL,
 * without a slash at its end.
 */
export function addDomain(
  scope: Construct,
  { name, certificateArn, hostedZone }: DomainSettings,
  api: apigateway.IHttpApi,
  stage: apigateway.IHttpStage,
): string {
  const domainName = new apigateway.DomainName(scope, "Domain", {
    domainName: name,
    certificate: Certificate.fromCertificateArn(scope, "Certificate", certificateArn),
    endpointType: apigateway.EndpointType.REGIONAL,
    securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
  });
  new apigateway.ApiMapping(scope, "DomainMapping", { api, domainName, stage });
  const { regionalDomainName, regionalHostedZoneId } = domainName;
  if (hostedZone) {
    new route53.ARecord(scope, "DomainRecord", {
      zone: route53.HostedZone.fromHostedZoneAttributes(scope, "HostedZone", {
        hostedZoneId: hostedZone.id,
        zoneName: hostedZone.name,
      }),
      // With a dot at its end, the CDK does not add the zone's name.
      recordName: `${name}.`,
      target: route53.RecordTarget.fromAlias(
        new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId),
      ),
    });
  }
  new CfnOutput(scope, "DomainTarget", {
    value: regionalDomainName,
    description: "The DNS record of the domain points to this name",
  });
  return `https://${name}`;
}
