"""Calls the business API with a token that the broker issues by OAuth, with requests-oauthlib. Prints each response.

Usage: requests_oauthlib_client.py PATH...   A path is below the scope, like CO/Customers.

    SMART_SERVICES_HOST        URL of the broker, https://...
    SMART_SERVICES_CLIENT_ID   name of your entry in the list of callers
    SMART_SERVICES_CREDENTIAL  your caller key, stb_...
    SMART_SERVICES_SCOPE       the vendor's scope, if your entry has several connections
    SMART_SERVICES_API         URL of the business API, https://...

With an http URL, as the local run has: export OAUTHLIB_INSECURE_TRANSPORT=1
"""

import hashlib
import os
import sys

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error, TokenExpiredError
from requests_oauthlib import OAuth2Session

TIMEOUT = 30  # seconds: longer than the broker waits for Smart Services


def require_200(response):
    if response.status_code != 200:
        raise requests.HTTPError(f"The broker answered {response.status_code}: {response.text}")
    return response


class SmartServices:
    """A client for one thread. Keeps its token until it expires."""

    def __init__(self, host, client_id, caller_key, api, scope=None):
        self._token_url, self._caller_key, self._api = f"{host}/oauth/token", caller_key, api
        # The response always has the vendor's scope. If you request another one, like the connection's id, oauthlib
        # raises 'Scope has changed'.
        self._session = OAuth2Session(client=BackendApplicationClient(client_id, scope=scope))
        self._session.max_redirects = 0  # One would send the caller key to another server.
        self._session.register_compliance_hook("access_token_response", require_200)

    def get(self, path):
        try:
            response = self._send(path)
        except TokenExpiredError:
            self._fetch_token()
            response = self._send(path)
        if response.status_code == 401:
            rejected = self._session.access_token.encode()
            self._fetch_token(rejected_token_sha256=hashlib.sha256(rejected).hexdigest())
            response = self._send(path)
        response.raise_for_status()
        return response

    def _send(self, path):
        if not self._session.authorized:
            self._fetch_token()
        [scope] = self._session.token["scope"]
        return self._session.get(f"{self._api}/api/v1/{scope}/{path}", timeout=TIMEOUT)

    def _fetch_token(self, **more):
        self._session.fetch_token(self._token_url, client_secret=self._caller_key, timeout=TIMEOUT, **more)


def setting(name):
    return os.environ.get(f"SMART_SERVICES_{name}") or sys.exit(f"SMART_SERVICES_{name} is not set")


def main():
    host, client_id, caller_key = setting("HOST"), setting("CLIENT_ID"), setting("CREDENTIAL")
    api, scope = setting("API"), os.environ.get("SMART_SERVICES_SCOPE")
    client = SmartServices(host, client_id, caller_key, api, scope)
    try:
        for path in sys.argv[1:] or sys.exit("Usage: requests_oauthlib_client.py PATH..."):
            print(client.get(path).text)
    # oauthlib raises a Warning if the scope differs.
    except (requests.RequestException, OAuth2Error, Warning) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
