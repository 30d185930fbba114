/** An issuer that gives JWTs to everyone who registers. Its table has only what the issuer's documentation says. */
export interface SharedIssuer {
  name: string;
  /** Host, and path without slashes around it. Other paths of the host are issuers of one tenant. */
  url: string;
  /** Claim → how its value in the list is written if it names one tenant. No other claim does. */
  tenantClaims: Record<string, RegExp>;
  /** A `sub` that names one tenant, for errors. */
  subject: string;
  /** The issuer's documentation of its claims. */
  source: string;
}

const exact = /^[^*]+$/;

/** The tenant of all personal accounts of Microsoft. Every host of Entra can be in the `iss` of its JWTs. */
export const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad";

const hcpTerraform = {
  tenantClaims: {
    sub: /^organization:[^:*]+:/,
    terraform_organization_id: exact,
    terraform_organization_name: exact,
    terraform_project_id: exact,
    terraform_workspace_id: exact,
  },
  subject: "organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:*",
  source:
    "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens",
};

export const sharedIssuers: SharedIssuer[] = [
  {
    name: "GitHub Actions",
    url: "token.actions.githubusercontent.com",
    tenantClaims: {
      // GitHub writes a colon within a value as %3A, so a value ends at the next colon. A customised subject counts if
      // it begins with a claim that names a tenant.
      sub: /^(repo:[^/:*]+\/[^/:*]+|(repository_id|repository_owner|repository_owner_id|enterprise_id):[^:*]+)(:|$)/,
      repository: /^[^/*]+\/[^/*]+$/,
      repository_id: exact,
      repository_owner: exact,
      repository_owner_id: exact,
      enterprise_id: exact,
    },
    subject: "repo:OWNER/REPOSITORY:*",
    source: "https://docs.github.com/en/enterprise-cloud@latest/actions/reference/security/oidc",
  },
  {
    name: "GitLab.com",
    url: "gitlab.com",
    tenantClaims: {
      sub: /^project_path:[^/:*]+\//,
      project_id: exact,
      project_path: /^[^/*]+\//,
      namespace_id: exact,
      namespace_path: /^[^/*]+(\/|$)/,
    },
    subject: "project_path:GROUP/PROJECT:*",
    source: "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
  },
  {
    name: "Google",
    url: "accounts.google.com",
    tenantClaims: { sub: exact, email: exact, hd: exact },
    subject: "ID_OF_THE_ACCOUNT",
    source: "https://developers.google.com/identity/openid-connect/openid-connect",
  },
  {
    name: "Apple",
    url: "appleid.apple.com",
    tenantClaims: { sub: exact },
    subject: "ID_OF_THE_USER",
    source: "https://developer.apple.com/documentation/signinwithapplejs/authorizationi/id_token",
  },
  {
    name: "Microsoft's personal accounts",
    url: `login.microsoftonline.com/${personalTenant}/v2.0`,
    tenantClaims: { sub: exact, oid: exact },
    subject: "ID_OF_THE_USER",
    source: "https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference",
  },
  {
    name: "Buildkite",
    url: "agent.buildkite.com",
    tenantClaims: {
      sub: /^organization:[^:*]+:/,
      organization_id: exact,
      organization_slug: exact,
      pipeline_id: exact,
    },
    subject: "organization:ORGANIZATION:pipeline:PIPELINE:*",
    source: "https://buildkite.com/docs/agent/cli/reference/oidc",
  },
  { ...hcpTerraform, name: "HCP Terraform", url: "app.terraform.io" },
  { ...hcpTerraform, name: "HCP Terraform in Europe", url: "app.eu.terraform.io" },
  {
    name: "Vercel's global issuer",
    url: "oidc.vercel.com",
    tenantClaims: { sub: /^owner:[^:*]+:/, owner: exact, owner_id: exact, project_id: exact },
    subject: "owner:TEAM:project:PROJECT:environment:production",
    source: "https://vercel.com/docs/oidc/reference",
  },
  {
    name: "Pulumi Cloud",
    url: "api.pulumi.com/oidc",
    tenantClaims: {
      // The last form is that of a customised subject: it always begins with the organization.
      sub: /^pulumi:(deploy:org|environments:org|environments:pulumi\.organization\.login):[^:*]+(:|$)/,
      org: exact,
    },
    subject: "pulumi:deploy:org:ORGANIZATION:project:PROJECT:*",
    source: "https://www.pulumi.com/docs/deployments/guides/oidc/",
  },
  {
    name: "Pulumi ESC's custom audiences",
    url: "api.pulumi.com/oidc/v2",
    tenantClaims: {
      sub: /^pulumi:org:[^:*]+:/,
      "https://pulumi.com/org": exact,
      "https://pulumi.com/org_id": exact,
    },
    subject: "pulumi:org:ORGANIZATION_ID:env:ENVIRONMENT_ID",
    source: "https://www.pulumi.com/docs/esc/guides/configuring-oidc/custom-audience/",
  },
  {
    name: "Codefresh",
    url: "oidc.codefresh.io",
    tenantClaims: { sub: /^account:[^:*]+:/ },
    subject: "account:ACCOUNT_ID:pipeline:PIPELINE_ID:*",
    source: "https://codefresh.io/docs/docs/integrations/oidc-pipelines/",
  },
  {
    name: "Scalr",
    url: "scalr.io",
    tenantClaims: { sub: /^account:[^:*]+:/ },
    subject: "account:ACCOUNT:environment:ENVIRONMENT:workspace:WORKSPACE",
    source: "https://docs.scalr.io/docs/aws",
  },
  {
    name: "Depot CI",
    url: "identity.depot.dev",
    // Its claim repository does not say on which host of repositories.
    tenantClaims: { sub: /^spiffe:\/\/identity\.depot\.dev\/org\/[^/*]+\//, org_id: exact },
    subject: "spiffe://identity.depot.dev/org/ORG_ID/ci/github/OWNER/REPOSITORY/*",
    source: "https://depot.dev/docs/ci/oidc",
  },
  {
    name: "Deno Deploy",
    url: "oidc.deno.com",
    tenantClaims: { sub: /^deployment:[^/:*]+\//, org_id: exact, org_slug: exact, app_id: exact },
    subject: "deployment:ORGANIZATION/APP/production",
    source: "https://docs.deno.com/deploy/reference/oidc",
  },
];
