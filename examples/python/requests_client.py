"""Calls the business API with a token that the broker issues by the vendor's form, with requests. Prints each response.

Usage: requests_client.py PATH...   A path is below the scope, like CO/Customers.

    SMART_SERVICES_HOST        URL of the broker, https://...
    SMART_SERVICES_CREDENTIAL  your caller key, stb_...
    SMART_SERVICES_API         URL of the business API, https://...
"""

import hashlib
import os
import sys
import time

import requests

TIMEOUT = 30  # seconds: longer than the broker waits for Smart Services


class BearerToken(requests.auth.AuthBase):
    """Sends a token. A header alone is not enough: requests replaces it if a .netrc has the host."""

    def __init__(self, token):
        self._token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class SmartServices:
    """A client for one thread. Keeps its token until 30 s before it expires."""

    def __init__(self, host, credential, api):
        self._host, self._credential, self._api = host, credential, api
        self._http = requests.Session()
        self._token, self._renew_at = None, 0

    def get(self, path):
        if time.monotonic() >= self._renew_at:
            self._fetch_token()
        response = self._send(path)
        if response.status_code == 401:
            rejected = self._token["access_token"].encode()
            self._fetch_token(rejected_token_sha256=hashlib.sha256(rejected).hexdigest())
            response = self._send(path)
        response.raise_for_status()
        return response

    def _send(self, path):
        url = f"{self._api}/api/v1/{self._token['scope']}/{path}"
        return self._http.get(url, auth=BearerToken(self._token["access_token"]), timeout=TIMEOUT)

    def _fetch_token(self, **more):
        form = {
            "username": "admin_webapicorso",
            "scope": "webapicorso_alywebapicorso",
            "token": f"Bearer {self._credential}",
            **more,
        }
        # `files` makes it a multipart form, as in the vendor's example. None: a field without a file name.
        parts = {name: (None, value) for name, value in form.items()}
        # A redirect would send the credential to another server.
        response = self._http.post(
            f"{self._host}/api/v1/auth/token", files=parts, timeout=TIMEOUT, allow_redirects=False
        )
        if response.status_code != 200:
            raise RuntimeError(f"The broker answered {response.status_code}: {response.text}")
        self._token = response.json()
        self._renew_at = time.monotonic() + self._token["expires_in"] - 30


def setting(name):
    return os.environ.get(f"SMART_SERVICES_{name}") or sys.exit(f"SMART_SERVICES_{name} is not set")


def main():
    client = SmartServices(setting("HOST"), setting("CREDENTIAL"), setting("API"))
    try:
        for path in sys.argv[1:] or sys.exit("Usage: requests_client.py PATH..."):
            print(client.get(path).text)
    except (requests.RequestException, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
