#!/bin/sh
# Asks for an access token in the vendor's words, with curl. Prints the answer; ends with an error for any but a token.
#
#   SMART_SERVICES_HOST        the broker, https://…
#   SMART_SERVICES_CREDENTIAL  your caller key, stb_…
set -eu
: "${SMART_SERVICES_HOST:?is not set: the URL of the broker}"
: "${SMART_SERVICES_CREDENTIAL:?is not set: your caller key}"

# The credential comes by standard input: in an argument, everyone on the machine could read it.
printf 'Bearer %s' "$SMART_SERVICES_CREDENTIAL" | curl --silent --show-error --fail-with-body \
  --location --request POST "$SMART_SERVICES_HOST/api/v1/auth/token" \
  --header 'accept-language: it-IT' \
  --header 'Content-Type: multipart/form-data' \
  --header 'Accept: application/json' \
  --form 'username="admin_webapicorso"' \
  --form 'scope="webapicorso_alywebapicorso"' \
  --form 'token=<-'
