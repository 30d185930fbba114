#!/bin/sh
# Requests an access token as a service on AWS does: signs the request with a role's credentials (SigV4).
# Needs curl 7.88 or newer, which signs the session token too. Prints the response; fails if it is not a token.
#
#   SMART_SERVICES_HOST        URL of the broker, https://…
#   SMART_SERVICES_CONNECTION  id of the connection (default: webapicorso)
#   AWS_REGION                 region of the broker
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
#                              credentials of the role: Lambda sets them. Elsewhere, with AWS CLI version 2:
#                              eval "$(aws configure export-credentials --format env)"
set -eu
: "${SMART_SERVICES_HOST:?is not set: the URL of the broker}"
: "${AWS_REGION:?is not set: the region of the broker}"
: "${AWS_ACCESS_KEY_ID:?is not set: the credentials of a role}"
: "${AWS_SECRET_ACCESS_KEY:?is not set: the credentials of a role}"

# Standard input, because everyone on the machine can read the arguments of a program. No --location: a redirect would send
# the session token to another server.
response=$({
  printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
  # A role has a session token; a user's long-lived key has none.
  if [ -n "${AWS_SESSION_TOKEN:-}" ]; then printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN"; fi
} | curl --silent --show-error --write-out ' %{http_code}' --config - \
  --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \
  "$SMART_SERVICES_HOST/v1/connections/${SMART_SERVICES_CONNECTION:-webapicorso}/token")
case $response in
  *' 200') printf '%s\n' "${response% 200}" ;;
  *) printf 'The broker answered %s: %s\n' "${response##* }" "${response% *}" >&2; exit 1 ;;
esac
