#!/usr/bin/env python3
"""A stand-in for an EHR: its record page, its authorization server, its key set, for tests of SMART App Launch. It checks what a
client sends as strictly as the standard says, signs through openssl, and misbehaves where it is told to: `how[part]` is a function
that answers in its place or changes what is answered.

    smart_ehr.py PORT-FILE [--tls CERT KEY] [--host NAME] [--launch-url URL]   runs until standard input ends, for tests in a browser
"""
import argparse
import base64
import hashlib
import html
import http.server
import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout


class Key:
    """Signs as `alg` says; its public half as a JWK."""

    def __init__(self, folder, alg, kid):
        self.alg, self.kid, self.file = alg, kid, os.path.join(folder, f"{kid}.pem")
        self.width = {"ES256": 32, "ES384": 48}.get(alg, 0)
        self.digest = "-sha" + alg[2:]
        if self.width:
            curve = {"ES256": "prime256v1", "ES384": "secp384r1"}[alg]
            openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", self.file)
            point = openssl("ec", "-in", self.file, "-pubout", "-outform", "DER")[-2 * self.width:]
            self.jwk = {"kty": "EC", "crv": {"ES256": "P-256", "ES384": "P-384"}[alg], "x": base64url(point[:self.width]),
                        "y": base64url(point[self.width:])}
        else:
            openssl("genrsa", "-out", self.file, "2048")
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").strip().split(b"=")[1]
            self.jwk = {"kty": "RSA", "n": base64url(bytes.fromhex(modulus.decode())), "e": "AQAB"}
        self.jwk |= {"kid": kid, "use": "sig", "alg": alg}

    def sign(self, text):
        der = openssl("dgst", self.digest, "-sign", self.file, given=text)
        if not self.width:
            return der
        numbers, at = [], 3 if der[1] & 0x80 else 2
        for _ in range(2):
            length = der[at + 1]
            numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(self.width, "big"))
            at += 2 + length
        return b"".join(numbers)

    def token(self, claims, **header):
        head = {"alg": self.alg, "typ": "JWT", "kid": self.kid} | header
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({k: v for k, v in head.items() if v is not None}, claims))
        return text + "." + base64url(self.sign(text.encode()))


def verifies(jwk_set, token):
    """The claims of a client's assertion, or None: verified by openssl against the client's published key set."""
    head, payload, signature = token.split(".")
    header = json.loads(unbase64url(head))
    jwk = next((one for one in jwk_set["keys"] if one["kid"] == header.get("kid")), None)
    if jwk is None or header["alg"] not in ("RS384", "ES384") or jwk.get("d"):
        return None
    der, raw = public_der(jwk), unbase64url(signature)
    if header["alg"] == "ES384":
        raw = sequence(*(integer(raw[i:i + 48]) for i in (0, 48)))
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("key", der), ("signature", raw)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl", "dgst", "-sha384", "-verify", os.path.join(folder, "key"), "-keyform", "DER", "-signature",
                               os.path.join(folder, "signature")], input=f"{head}.{payload}".encode(), capture_output=True, check=False)
    return json.loads(unbase64url(payload)) if done.returncode == 0 else None


def element(tag, content):
    size = bytes([len(content)]) if len(content) < 128 else (lambda n: bytes([0x80 | len(n)]) + n)(
        len(content).to_bytes((len(content).bit_length() + 7) // 8, "big"))
    return bytes([tag]) + size + content


def integer(number):
    number = number.lstrip(b"\0") or b"\0"
    return element(2, (b"\0" if number[0] & 0x80 else b"") + number)


def sequence(*parts):
    return element(0x30, b"".join(parts))


def public_der(jwk):
    if jwk["kty"] == "RSA":
        algorithm = sequence(bytes.fromhex("06092a864886f70d010101"), b"\x05\x00")
        key = sequence(integer(unbase64url(jwk["n"])), integer(unbase64url(jwk["e"])))
    else:
        algorithm = sequence(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06052b81040022"))
        key = b"\x04" + unbase64url(jwk["x"]) + unbase64url(jwk["y"])
    return sequence(algorithm, element(3, b"\0" + key))


class Ehr:
    """`patient`: of the next launch. `asked`: what came to each endpoint. `refusals`: why a token was not given."""

    def __init__(self, client_id="myoflag", alg="RS256", tls=None, host="127.0.0.1", launch_url="", client_keys=None):
        self.folder = tempfile.TemporaryDirectory()
        self.key = Key(self.folder.name, alg, "k1")
        self.published = [self.key]
        self.client_id, self.launch_url, self.client_keys = client_id, launch_url, client_keys
        self.patient, self.how, self.asked, self.refusals = "example", {}, [], []
        self.launches, self.codes, self.seen_assertions = {}, {}, set()
        self.code_life = 60
        self.proved, self.ignores_prompt = None, False  # when somebody signed in here; whether that does for all
        self.browsers = None  # the same of each browser by its cookie; None: all who come are one browser
        self.secret = None  # of the client, and how it is sent: ("client_secret_basic", "...")
        self.end_session = False  # whether it says where people sign out
        self.is_provider = False  # people sign in by themselves, from no record (OpenID Connect)
        ehr = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, body, status=200, kind="application/json", **headers):
                data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.answer({})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                self.answer(dict(urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)))

            def answer(self, form):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
                part = {"/fhir/.well-known/smart-configuration": "configuration",
                        "/fhir/.well-known/openid-configuration": "configuration", "/authorize": "authorize", "/token": "token",
                        "/keys": "keys", "/record": "record", "/": "record"}.get(url.path)
                ehr.asked.append((part or url.path, query, form, dict(self.headers)))
                how = ehr.how.get(part)
                if part is None:
                    self.reply({}, 404)
                elif how is not None and how(self) is not None:
                    pass
                else:
                    getattr(ehr, part)(self, query, form)

        self.plain = self.listen(Handler, None)
        self.base = f"http://127.0.0.1:{self.plain.server_address[1]}"
        self.iss = self.base + "/fhir"
        self.pages = self.base  # as a browser asks for them
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.secure = self.listen(Handler, context)
            self.pages = f"https://{host}:{self.secure.server_address[1]}"

    @staticmethod
    def listen(handler, context):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self):
        for server in (self.plain, getattr(self, "secure", None)):
            if server:
                server.shutdown()
                server.server_close()
        self.folder.cleanup()

    def launch(self, **about):
        """A launch parameter for the patient at hand, and what its token response is to say besides."""
        name = secrets.token_urlsafe(24)
        self.launches[name] = {"patient": self.patient} | about
        return name

    # ---- endpoints

    def settings(self):
        return {"issuer": self.iss, "jwks_uri": self.base + "/keys", "authorization_endpoint": self.pages + "/authorize",
                "token_endpoint": self.base + "/token", "grant_types_supported": ["authorization_code"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"], "code_challenge_methods_supported": ["S256"],
                "capabilities": ["launch-ehr", "client-public", "client-confidential-asymmetric", "sso-openid-connect",
                                 "context-ehr-patient"]} | ({"end_session_endpoint": self.pages + "/end"} if self.end_session else {})

    def configuration(self, handler, _query, _form):
        handler.reply(self.settings())

    def keys(self, handler, _query, _form):
        handler.reply({"keys": [key.jwk for key in self.published]})

    def authorize(self, handler, query, _form):
        needed = {"response_type": "code", "client_id": self.client_id, "aud": self.iss, "code_challenge_method": "S256"}
        if self.is_provider:
            needed["aud"] = needed["launch"] = None
        wrong = [name for name, value in needed.items() if query.get(name) != value]
        wrong += [name for name in ("redirect_uri", "state", "nonce", "code_challenge") if len(query.get(name, "")) < 22]
        scope = query.get("scope", "").split()
        wrong += [one for one in (("openid",) if self.is_provider else ("launch", "openid", "fhirUser")) if one not in scope]
        launch = {} if self.is_provider else self.launches.pop(query.get("launch"), None)
        if wrong or launch is None:
            self.refusals.append(("authorize", wrong))
            handler.reply({"error": "invalid_request"}, 400)
            return
        # Who signed in before stays so here, unless that is not to do.
        known = re.search(r"\bsession=([0-9a-f]+)", handler.headers["Cookie"] or "")
        session = known.group(1) if known else secrets.token_hex(16)
        proved = self.proved if self.browsers is None else self.browsers.get(session)
        if proved is None or ("login" in query.get("prompt", "") and not self.ignores_prompt):
            proved = int(time.time())
        if self.browsers is None:
            self.proved = proved
        else:
            self.browsers[session] = proved
        code = secrets.token_urlsafe(24)
        self.codes[code] = {"query": query, "launch": launch, "proved": proved, "until": time.monotonic() + self.code_life}
        self.back(handler, query, {"Set_Cookie": f"session={session}; Secure; HttpOnly; SameSite=Lax"}, code=code)

    @staticmethod
    def back(handler, query, headers=None, **parameters):
        address = query["redirect_uri"] + "?" + urllib.parse.urlencode(parameters | {"state": query["state"]})
        handler.reply(b"", 302, Location=address, **(headers or {}))
        return True

    def secret_is_good(self, handler, form):
        method, secret = self.secret
        sent = handler.headers["Authorization"]
        if method == "client_secret_post":
            return sent is None and (form.get("client_id"), form.get("client_secret")) == (self.client_id, secret)
        if sent is None or not sent.startswith("Basic ") or "client_secret" in form or "client_id" in form:
            return False
        parts = base64.b64decode(sent[6:], validate=True).decode().split(":")  # RFC 6749, 2.3.1: both are encoded as in a form
        return [urllib.parse.unquote_plus(one) for one in parts] == [self.client_id, secret]

    def assertion_is_good(self, form):
        if self.client_keys is None:
            return form.get("client_id") == self.client_id and "client_assertion" not in form
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        claims = verifies(self.client_keys(), form["client_assertion"]) if form.get("client_assertion_type") == kind else None
        if claims is None or claims["jti"] in self.seen_assertions:
            return False
        self.seen_assertions.add(claims["jti"])
        return (claims["iss"] == claims["sub"] == self.client_id and claims["aud"] == self.base + "/token" and
                0 < claims["exp"] - time.time() <= 300)

    def token(self, handler, _query, form):
        given = self.codes.pop(form.get("code"), None)
        verifier = form.get("code_verifier", "")
        wrong = ("code" if given is None or given["until"] < time.monotonic() else
                 "redirect" if form.get("redirect_uri") != given["query"]["redirect_uri"] else
                 "verifier" if not 43 <= len(verifier) <= 128 or
                 base64url(hashlib.sha256(verifier.encode()).digest()) != given["query"]["code_challenge"] else "")
        if not wrong and not (self.secret_is_good(handler, form) if self.secret else self.assertion_is_good(form)):
            wrong = "client"
        if form.get("grant_type") != "authorization_code" or wrong:
            self.refusals.append(("token", wrong))
            handler.reply({"error": "invalid_client" if wrong == "client" else "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": self.iss, "aud": self.client_id, "sub": "user-1", "fhirUser": self.iss + "/Practitioner/1", "iat": now,
                  "exp": now + 300, "nonce": given["query"]["nonce"]}
        answer = {"access_token": "secret-access-token", "token_type": "Bearer", "expires_in": 300, "scope": given["query"]["scope"],
                  "need_patient_banner": True} | {k: v for k, v in given["launch"].items() if v is not None}
        if "max_age" in given["query"]:
            claims["auth_time"] = given["proved"]
        self.how.get("claims", lambda _: None)(claims)
        answer["id_token"] = self.how.get("sign", lambda c: self.key.token(c))({k: v for k, v in claims.items() if v is not None})
        self.how.get("granted", lambda _: None)(answer)
        handler.reply({k: v for k, v in answer.items() if v is not None})

    def record(self, handler, query, _form):
        """The record's page: opens the launched page in a frame, or links to it. ?patient=...&frame=1"""
        self.patient = query.get("patient", self.patient)
        address = self.launch_url + "?" + urllib.parse.urlencode({"iss": self.iss, "launch": self.launch()})
        inside = (f'<iframe title="Form" name="form" width="900" height="700" src="{html.escape(address)}"></iframe>'
                  if query.get("frame") else f'<a href="{html.escape(address)}">Open the form</a>')
        handler.reply(f"<!DOCTYPE html><html lang=en><title>Record</title><h1>Record</h1>{inside}</html>", kind="text/html")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--launch-url", default="")
    parser.add_argument("--alg", default="ES384")
    parser.add_argument("--provider", action="store_true", help="staff sign in here, from no record")
    given = parser.parse_args()
    ehr = Ehr(alg=given.alg, tls=given.tls, host=given.host, launch_url=given.launch_url)
    if given.provider:
        ehr.is_provider, ehr.browsers = True, {}
        ehr.how["claims"] = lambda claims: claims.update(name="Ana Ruiz", preferred_username="aruiz", groups=["clinic-staff"])
    with open(given.file + ".new", "w", encoding="utf-8") as file:
        json.dump({"iss": ehr.iss, "pages": ehr.pages}, file)
    os.rename(given.file + ".new", given.file)
    sys.stdin.read()
    ehr.close()


if __name__ == "__main__":
    main()
