import { describe, expect, test } from "vitest";
import { domain, everything, synthesise } from "./synth.ts";

const { ofType, render, assembly } = synthesise(everything);
const outputsOf = (
  id: string,
  { assembly: { stacks } }: Pick<ReturnType<typeof synthesise>, "assembly"> = { assembly },
) => stacks.find((stack) => stack.id === id)?.template.Outputs as Record<string, { Value: unknown }>;
const [name] = ofType("AWS::ApiGatewayV2::DomainName");
const [api] = ofType("AWS::ApiGatewayV2::Api");

describe("With the setting domain", () => {
  test("the API has a regional domain with TLS 1.2 and the certificate of the setting", () => {
    expect(name?.Properties.DomainName).toBe(domain.name);
    expect(name?.Properties.DomainNameConfigurations).toEqual([
      { CertificateArn: domain.certificateArn, EndpointType: "REGIONAL", SecurityPolicy: "TLS_1_2" },
    ]);
  });

  test("the domain leads to the stage without a base path, after the stage exists", () => {
    const [mapping, ...others] = ofType("AWS::ApiGatewayV2::ApiMapping");
    const { ApiId, DomainName, ...more } = mapping?.Properties ?? {};

    expect([others, more]).toEqual([[], { Stage: "$default" }]);
    expect([ApiId, DomainName].map(render)).toEqual([`\${${api?.id}}`, `\${${name?.id}}`]);
    expect(mapping?.DependsOn).toContain(ofType("AWS::ApiGatewayV2::Stage")[0]?.id);
  });

  test("the hosted zone has an alias record of the domain", () => {
    const [record] = ofType("AWS::Route53::RecordSet");
    const { Name, Type, HostedZoneId, AliasTarget } = record?.Properties ?? {};

    expect({ Name, Type, HostedZoneId }).toEqual({
      Name: "tokens.example.com.",
      Type: "A",
      HostedZoneId: domain.hostedZone.id,
    });
    expect([AliasTarget.DNSName, AliasTarget.HostedZoneId].map(render)).toEqual([
      `\${${name?.id}.RegionalDomainName}`,
      `\${${name?.id}.RegionalHostedZoneId}`,
    ]);
  });

  test("the output Url and the prober use the domain, and an output names the target of its DNS record", () => {
    const { Url, DomainTarget } = outputsOf("Api");
    const probes = ofType("AWS::Scheduler::Schedule").find(({ stack }) => stack === "Monitoring");

    expect(render(Url?.Value)).toBe("https://tokens.example.com");
    expect(render(DomainTarget?.Value)).toBe(`\${${name?.id}.RegionalDomainName}`);
    expect(render(probes?.Properties.Target.Input)).toContain('"https://tokens.example.com/v1/connections/');
  });

  test("the template always says whether the default endpoint is off, and it is only if the setting says so", () => {
    const { defaultEndpoint: _, hostedZone: __, ...rest } = domain;
    const open = synthesise({ domain: rest });

    expect(api?.Properties.DisableExecuteApiEndpoint).toBe(true);
    for (const { ofType: typed } of [open, synthesise()]) {
      expect(typed("AWS::ApiGatewayV2::Api")[0]?.Properties.DisableExecuteApiEndpoint).toBe(false);
    }
    expect(open.ofType("AWS::Route53::RecordSet")).toEqual([]);
    expect(open.render(outputsOf("Api", open)["Url"]?.Value)).toBe("https://tokens.example.com");
  });
});

test("Without the setting domain, the API has its default endpoint only", () => {
  const plain = synthesise();

  expect(plain.resources.filter(({ Type }) => /DomainName|ApiMapping|Route53/.test(Type))).toEqual([]);
  expect(outputsOf("Api", plain)).not.toHaveProperty("DomainTarget");
});
