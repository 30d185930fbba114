#!/bin/sh
# Asks for an access token as a service on AWS does, with curl 7.88 or newer: the request is signed by a role (SigV4).
# Prints the answer; ends with an error for any but a token.
#
#   SMART_SERVICES_HOST        the broker, https://…
#   SMART_SERVICES_CONNECTION  the connection's id (webapicorso)
#   AWS_REGION                 the broker's region
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
#                              the role's credentials: Lambda sets them; elsewhere
#                              eval "$(aws configure export-credentials --format env)"
set -eu
: "${SMART_SERVICES_HOST:?is not set: the URL of the broker}"
: "${AWS_REGION:?is not set: the region of the broker}"
: "${AWS_ACCESS_KEY_ID:?is not set: the credentials of a role}"
: "${AWS_SECRET_ACCESS_KEY:?is not set: the credentials of a role}"

# The credentials come by standard input: in an argument, everyone on the machine could read them.
{
  printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
  # A role has one, a user's long-lived key has none.
  if [ -n "${AWS_SESSION_TOKEN:-}" ]; then printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN"; fi
} | curl --silent --show-error --fail-with-body --config - \
  --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \
  "$SMART_SERVICES_HOST/v1/connections/${SMART_SERVICES_CONNECTION:-webapicorso}/token"
