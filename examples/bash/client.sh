#!/usr/bin/env bash
# Calls the business API with a token that the broker issues by OAuth, with curl, jq and sha256sum. Prints each response.
# Usage: client.sh PATH...   A path is below the scope, like CO/Customers.
#
#   SMART_SERVICES_HOST        URL of the broker, https://…
#   SMART_SERVICES_CLIENT_ID   name of your entry in the list of callers
#   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
#   SMART_SERVICES_SCOPE       the connection's id or the vendor's scope, if your entry has several connections
#   SMART_SERVICES_API         URL of the business API, https://…
set -euo pipefail
: "${1:?is missing. Usage: client.sh PATH...}"
: "${SMART_SERVICES_HOST:?is not set: the URL of the broker}"
: "${SMART_SERVICES_CLIENT_ID:?is not set: the name of your entry in the list of callers}"
: "${SMART_SERVICES_CREDENTIAL:?is not set: your caller key}"
: "${SMART_SERVICES_API:?is not set: the URL of the business API}"

renew_at=0

# Sets token, scope and renew_at. Arguments: more fields of the form.
fetch_token() {
  request "$SMART_SERVICES_HOST/oauth/token" < <(
    printf 'user = "%s:%s"\n' "$SMART_SERVICES_CLIENT_ID" "$SMART_SERVICES_CREDENTIAL"
    printf 'data = "%s"\n' grant_type=client_credentials ${SMART_SERVICES_SCOPE:+"scope=$SMART_SERVICES_SCOPE"} "$@"
  )
  if [[ $status != 200 ]]; then echo "The broker answered $status: $body" >&2; exit 1; fi
  token=$(jq -er .access_token <<<"$body")
  scope=$(jq -er .scope <<<"$body")
  renew_at=$((SECONDS + $(jq -er .expires_in <<<"$body") - 30))
}

# Calls the business API.
send() {
  request "$SMART_SERVICES_API/api/v1/$scope/$1" < <(printf 'header = "Authorization: Bearer %s"\n' "$token")
}

# Sets status and body. The credential is in standard input, because everyone on the machine can read the arguments of a
# program. No --location: a redirect would send it to another server.
request() {
  local response
  response=$(curl --silent --show-error --max-time 30 --config - --write-out '\n%{http_code}' "$1")
  status=${response##*$'\n'} body=${response%$'\n'*}
}

for path; do
  if ((SECONDS >= renew_at)); then fetch_token; fi
  send "$path"
  if [[ $status == 401 ]]; then
    fetch_token "rejected_token_sha256=$(printf %s "$token" | sha256sum | cut -c 1-64)"
    send "$path"
  fi
  if [[ $status != 2* ]]; then echo "The business API answered $status: $body" >&2; exit 1; fi
  printf '%s\n' "$body"
done
