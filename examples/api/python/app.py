"""A small site behind gatehouse, with Debian's python3-jwt and the standard library.

It takes the user from the token that gatehouse signed and from nothing else, so whoever reaches it past
nginx is nobody.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import jwt


def read_secret(path):
    """Return the secret that gatehouse signs with."""
    if not path:
        sys.exit(
            "api: JWT_SECRET_FILE is not set: name the file of gatehouse's jwt.secret_file, "
            "or its https URL in JWT_ISSUER"
        )
    try:
        with open(path, "rb") as file:
            secret = file.read().removesuffix(b"\n").removesuffix(b"\r")  # one line break, as gatehouse
    except OSError as error:
        sys.exit(f"api: JWT_SECRET_FILE: {error}")
    if len(secret) < 32:
        sys.exit(f"api: JWT_SECRET_FILE: {path} holds fewer than 32 bytes")
    return secret


def discover(issuer):
    """Return where the keys of an issuer are (OpenID Connect Discovery 1.0, section 4)."""
    try:
        with urlopen(issuer.removesuffix("/") + "/.well-known/openid-configuration", timeout=10) as answer:
            found = json.load(answer)
        names, keys_url = found["issuer"], found["jwks_uri"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"api: JWT_ISSUER: {issuer} does not say where its keys are: {error}")
    if names != issuer:
        sys.exit(f"api: JWT_ISSUER: {issuer} says that its name is {json.dumps(names)}: write exactly that")
    return keys_url


ALGORITHMS = {"OKP": "EdDSA", "EC": "ES256", "RSA": "RS256"}  # of gatehouse's keys, by their kind


def key_finder(keys_url, secret_file, issuer):
    """Return a function from a token to the key that checks it, and to the key's algorithm."""
    if not keys_url and not secret_file and issuer and issuer.startswith(("https://", "http://")):
        keys_url = discover(issuer)
    if not keys_url:
        secret = read_secret(secret_file)
        return lambda token: (secret, "HS256")
    keys = jwt.PyJWKClient(keys_url, lifespan=300)  # seconds

    def find(token):
        found = keys.get_signing_key_from_jwt(token)  # asks again for one that is not known
        return found.key, ALGORITHMS.get(found.key_type)

    return find


def user_of(headers, key_of, issuer, audience):
    """Return who the token in the header speaks of. X-Auth-Username is not looked at: anybody can write it."""
    if len(headers) != 1:
        raise jwt.InvalidTokenError(f"{len(headers)} Authorization headers, want one")
    scheme, _, token = headers[0].partition(" ")
    if scheme.lower() != "bearer":
        raise jwt.InvalidTokenError("no Bearer token")
    key, algorithm = key_of(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[algorithm],  # never what the token itself says of its signature
        issuer=issuer,
        audience=audience,
        leeway=5,  # seconds, between two machines' clocks
        options={"require": ["exp"], "verify_aud": audience is not None},
    )
    username, realm, roles = claims.get("username"), claims.get("realm", ""), claims.get("roles", [])
    if not isinstance(username, str) or not username:
        raise jwt.InvalidTokenError("the token names nobody")
    return {"username": username, "realm": realm, "roles": roles}


class Api(BaseHTTPRequestHandler):
    """Answers with the user of each request."""

    timeout = 10  # seconds that a request may take to arrive
    key_of = issuer = audience = None

    def do_GET(self):
        try:
            headers = self.headers.get_all("Authorization", [])
            user = user_of(headers, type(self).key_of, self.issuer, self.audience)
        except jwt.PyJWTError as error:
            self.log_error("refused: %s", error)  # the reason is for us: a client learns that it is nobody
            self.answer(401, {"error": "Unauthorized access"})
        else:
            self.answer(200, user)

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main():
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    Api.issuer = os.environ.get("JWT_ISSUER") or None  # without one, any will do
    Api.key_of = key_finder(os.environ.get("JWT_KEYS_URL"), os.environ.get("JWT_SECRET_FILE"), Api.issuer)
    Api.audience = os.environ.get("JWT_AUDIENCE") or None
    host, _, port = os.environ.get("LISTEN", "127.0.0.1:8081").rpartition(":")
    try:
        server = ThreadingHTTPServer((host, int(port)), Api)
    except (OSError, ValueError) as error:
        sys.exit(f"api: LISTEN: {error}")
    print(f"listening on {host}:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
