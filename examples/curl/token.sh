#!/bin/sh
# Requests an access token as the vendor's example does, with curl. Prints the response; fails if it is not a token.
#
#   SMART_SERVICES_HOST        URL of the broker, https://…
#   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
set -eu
: "${SMART_SERVICES_HOST:?is not set: the URL of the broker}"
: "${SMART_SERVICES_CREDENTIAL:?is not set: your caller key}"

# Standard input, because everyone on the machine can read the arguments of a program.
# Without the vendor's --location: a redirect would send the credential to another server.
response=$(printf 'Bearer %s' "$SMART_SERVICES_CREDENTIAL" | curl --silent --show-error --write-out ' %{http_code}' \
  --request POST "$SMART_SERVICES_HOST/api/v1/auth/token" \
  --header 'accept-language: it-IT' \
  --header 'Content-Type: multipart/form-data' \
  --header 'Accept: application/json' \
  --form 'username="admin_webapicorso"' \
  --form 'scope="webapicorso_alywebapicorso"' \
  --form 'token=<-')
case $response in
  *' 200') printf '%s\n' "${response% 200}" ;;
  *) printf 'The broker answered %s: %s\n' "${response##* }" "${response% *}" >&2; exit 1 ;;
esac
