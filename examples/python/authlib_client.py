"""Calls the business API with a token that the broker issues by OAuth, with Authlib. Prints each response.

Usage: authlib_client.py PATH...   A path is below the scope, like CO/Customers.

    SMART_SERVICES_HOST        URL of the broker, https://...
    SMART_SERVICES_CLIENT_ID   name of your entry in the list of callers
    SMART_SERVICES_CREDENTIAL  your caller key, stb_...
    SMART_SERVICES_SCOPE       the connection's id or the vendor's scope, if your entry has several connections
    SMART_SERVICES_API         URL of the business API, https://...
"""

import hashlib
import os
import sys

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

TIMEOUT = 30  # seconds: longer than the broker waits for Smart Services


def require_200(response):
    if response.status_code != 200:
        raise requests.HTTPError(f"The broker answered {response.status_code}: {response.text}")
    return response


def start_session(host, client_id, caller_key, scope=None):
    # With these arguments, Authlib fetches another token 30 s before the present one expires.
    session = OAuth2Session(
        client_id,
        caller_key,
        scope=scope,
        token_endpoint=f"{host}/oauth/token",
        grant_type="client_credentials",
        leeway=30,
        default_timeout=TIMEOUT,
    )
    session.max_redirects = 0  # One would send the caller key to another server.
    session.register_compliance_hook("access_token_response", require_200)
    session.fetch_token()
    return session


def get(session, api, path):
    url = f"{api}/api/v1/{session.token['scope']}/{path}"
    response = session.get(url)
    if response.status_code == 401:
        rejected = hashlib.sha256(session.token["access_token"].encode()).hexdigest()
        session.fetch_token(rejected_token_sha256=rejected)
        response = session.get(url)
    response.raise_for_status()
    return response


def setting(name):
    return os.environ.get(f"SMART_SERVICES_{name}") or sys.exit(f"SMART_SERVICES_{name} is not set")


def main():
    host, client_id, caller_key = setting("HOST"), setting("CLIENT_ID"), setting("CREDENTIAL")
    api, scope = setting("API"), os.environ.get("SMART_SERVICES_SCOPE")
    try:
        session = start_session(host, client_id, caller_key, scope)
        for path in sys.argv[1:] or sys.exit("Usage: authlib_client.py PATH..."):
            print(get(session, api, path).text)
    except (requests.RequestException, OAuthError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
