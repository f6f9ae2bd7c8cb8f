#!/usr/bin/env python3
"""SMART App Launch on real sockets: the program, an EHR's authorization server that checks what it gets, and a browser that keeps
cookies. Every way in which it may go wrong ends with a page, a line of the log without anything of a patient, and nobody let in."""
import http.cookies
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
sys.path[:0] = [os.path.join(ROOT, "tests", "sidecar"), os.path.dirname(os.path.abspath(__file__))]
from clinic import PROGRAM, Client, Clinic  # noqa: E402
from serve_test import SLOW  # noqa: E402
from smart_ehr import Ehr, Key, base64url  # noqa: E402

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECRETS = ("secret-access-token",)
PATIENCE = 3 if SLOW else 1


class Browser:
    """Keeps cookies, follows redirects of its own accord only where told to; never sits on the program's machine, as it says."""

    def __init__(self, sidecar, framed=False):
        self.sidecar, self.jar, self.set = sidecar, {}, []
        self.headers = {"Host": "cds.example", "Sec-Fetch-Dest": "iframe" if framed else "document"}

    def ask(self, method, address, fields=None, **headers):
        headers = self.headers | headers
        if self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        body = urllib.parse.urlencode(fields, doseq=True) if fields is not None else None
        connection = self.sidecar.connection()
        try:
            connection.request(method, address, body, headers | (FORM if body is not None else {}))
            answer = connection.getresponse()
            fields = answer.getheaders()
            page = Page(answer.status, dict(fields), answer.read().decode())
        finally:
            connection.close()
        for name, value in fields:
            if name.lower() == "set-cookie":
                self.set.append(value)
                cookie = http.cookies.SimpleCookie(value.replace("; Partitioned", ""))
                for key, one in cookie.items():
                    if one["max-age"] == "0":
                        self.jar.pop(key, None)
                    else:
                        self.jar[key] = one.value
        return page

    def get(self, address, **headers):
        return self.ask("GET", address, **headers)

    def post(self, address, fields, **headers):
        return self.ask("POST", address, fields, **headers)

    def begin(self, iss, launch):
        return self.get("/smart/launch?" + urllib.parse.urlencode({"iss": iss, "launch": launch}))


class Page:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.to = headers.get("Location", "")
        found = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.S)
        self.title = found.group(1) if found else ""

    def here(self):
        """Where it leads, as a path of ours."""
        url = urllib.parse.urlsplit(self.to)
        return url.path + ("?" + url.query if url.query else "")


def visit(address):
    """A browser at the EHR: the answer's Location."""
    import http.client
    url = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    try:
        connection.request("GET", url.path + "?" + url.query)
        answer = connection.getresponse()
        return Page(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


class Launch(Clinic):
    ALG = "RS256"

    def setUp(self):
        super().setUp()
        self.ehr = Ehr(alg=self.ALG)
        self.addCleanup(self.ehr.close)

    def add_response(self, reference, sample="stroke-signs/response.json", **about):
        with open(os.path.join(ROOT, "samples", sample), encoding="utf-8") as file:
            response = json.load(file)
        response |= {"subject": {"reference": reference}} | about
        self.client.put("response.json", response)
        self.add("response.json")

    def configuration(self, server=None, **launch):
        servers = [{"iss": self.ehr.iss, "client-id": "myoflag"} | (server or {})]
        return self.configure(launch={"servers": servers, "frame-ancestors": ["https://ehr.example"]} | launch)

    def serve(self, server=None, **launch):
        return self.serve_by(self.configuration(server, **launch))

    def to_ehr(self, browser, **about):
        page = browser.begin(self.ehr.iss, self.ehr.launch(**about))
        self.assertEqual(page.status, 303, page.body)
        return page.to

    def back(self, browser, **about):
        """What the authorization server sends the browser back with."""
        page = visit(self.to_ehr(browser, **about))
        self.assertEqual(page.status, 302, self.ehr.refusals)
        return page.here()

    def come(self, browser, **about):
        return browser.get(self.back(browser, **about))

    def enter(self, browser, **about):
        page = self.come(browser, **about)
        self.assertEqual((page.status, page.to), (303, "/c/patient"), page.body)
        return browser

    def refused(self, page, status, title, sidecar, code):
        self.assertEqual((page.status, page.title), (status, title), page.body)
        self.assertNotIn("__Host-mf-clinic", page.headers.get("Set-Cookie", ""))
        self.assertIn("frame-ancestors https://ehr.example", page.headers["Content-Security-Policy"])
        for _ in range(200):
            lines = [line["failed"] for line in sidecar.lines()
                     if "failed" in line and line["request"] == page.headers["X-Request-Id"]]
            if lines:
                break
            time.sleep(0.01)
        self.assertTrue(lines and lines[0].startswith(code), lines)
        return lines[0]

    def summaries(self, browser):
        page = browser.get("/c/patient")
        self.assertEqual(page.status, 303, page.body)
        if page.to.startswith("/c/summary/"):
            return [page.to]
        return list(dict.fromkeys(re.findall(r'href="(/c/summary/[^"]+)"', browser.get(page.to).body)))

    def all_summaries(self, sidecar):
        """As somebody on the machine sees them."""
        body = sidecar.ask("GET", "/c/worklist")[2].decode()
        return set(re.findall(r'href="(/c/summary/[^"]+)"', body))

    def assert_quiet(self, sidecar, *more):
        log = sidecar.log.decode()
        for word in (*SECRETS, "Patient/", "user-1", *more):
            self.assertNotIn(word, log)

    # ---- the way in

    def test_a_launch_opens_the_patients_form_and_nothing_else(self):
        self.add("hand-weakness/response.xml", "critical-calcium/bundle.json", "night-cramps/bundle.xml")
        sidecar = self.serve()
        browser = Browser(sidecar)
        address = self.to_ehr(browser)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        self.assertEqual(sorted(asked), ["aud", "client_id", "code_challenge", "code_challenge_method", "launch", "nonce",
                                         "redirect_uri", "response_type", "scope", "state"])
        self.assertEqual(asked["redirect_uri"], "https://cds.example/smart/callback")
        self.assertEqual(asked["scope"], "launch openid fhirUser")
        self.assertGreaterEqual(len(asked["state"]), 31)  # 122 bits in hexadecimal digits
        self.assertEqual(browser.set, [f"__Host-mf-launch={browser.jar['__Host-mf-launch']}; Path=/; Secure; HttpOnly; SameSite=Lax"])
        before = dict(browser.jar)
        back = visit(address).here()
        page = browser.get(back)
        self.assertEqual((page.status, page.to), (303, "/c/patient"))
        self.assertRegex(browser.set[-1], r"^__Host-mf-clinic=[0-9a-f]{32}; Path=/; Secure; HttpOnly; SameSite=Lax$")
        self.assertNotIn(browser.jar["__Host-mf-clinic"], before.values())
        own, = self.summaries(browser)
        page = browser.get(own)
        self.assertEqual(page.status, 200)
        self.assertIn("Urgent: target 2 weeks", page.title)
        self.assertIn("Patient example of the record", page.body)
        self.assertNotIn("/c/worklist", page.body)
        self.assertIn("frame-ancestors https://ehr.example", page.headers["Content-Security-Policy"])
        others = self.all_summaries(sidecar) - {own}
        self.assertEqual(len(others), 2)
        for other in others:
            self.assertEqual(browser.get(other).status, 404)
        self.assertEqual(browser.get("/c/worklist").status, 403)
        self.assertEqual(browser.get("/c/summary/00000000-0000-0000-0000-000000000000").status, 404)
        self.assertIn("MF-4279", sidecar.log.decode())
        # Nobody without the session, and nobody with something like it.
        for jar in ({}, {"__Host-mf-clinic": "0" * 32}, {"__Host-mf-clinic": "x"}, before):
            stranger = Browser(sidecar)
            stranger.jar = jar
            for address in (own, "/c/patient", "/c/forms", "/c/worklist"):
                page = stranger.get(address)
                self.assertEqual((page.status, page.title), (403, "Open this from the patient&#39;s record"))
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        self.assert_quiet(sidecar, code, asked["state"], asked["launch"], browser.jar["__Host-mf-clinic"], "/smart/launch?")
        self.assertEqual(self.ehr.refusals, [])

    def test_what_is_done_there_is_done_for_that_patient_only(self):
        self.add("stroke-signs/response.json")
        self.add_response("Patient/ines", id="of-ines")
        sidecar = self.serve()
        self.ehr.patient = "ines"
        other = self.summaries(self.enter(Browser(sidecar)))[0]
        self.ehr.patient = "example"
        browser = self.enter(Browser(sidecar))
        own, = self.summaries(browser)
        page = browser.get(own).body
        fields = dict(re.findall(r'name="(csrf|escalation|form)" value="([^"]+)"', page))
        workup = re.search(r'name="workup" value="([^"]+)"', page).group(1)
        at = {"csrf": fields["csrf"], "form": fields["form"]}
        foreign = at | {"form": other.rsplit("/", 1)[1]}
        self.assertEqual(browser.post("/c/proposals", foreign | {"workup": workup}).status, 404)
        self.assertEqual(browser.post("/c/proposals", at | {"workup": workup, "csrf": "0"}).status, 403)
        self.assertEqual(browser.post("/c/proposals", at | {"workup": workup}, Origin="https://evil.example").status, 403)
        self.assertEqual(browser.post("/c/proposals", at | {"workup": workup}).status, 303)
        # What is urgent: of that form only, whatever is posted.
        escalation = int(fields["escalation"])
        self.assertEqual(browser.post("/c/urgent", at | {"escalation": escalation + 1, "who": "N"}).status, 403)
        self.assertEqual(browser.post("/c/urgent", {"csrf": at["csrf"], "form": "", "escalation": escalation, "who": "N"}).status, 404)
        self.assertEqual(browser.post("/c/urgent", foreign | {"escalation": escalation, "who": "N"}).status, 404)
        self.assertIn("said=name", browser.post("/c/urgent", at | {"escalation": escalation, "who": " "}).to)
        self.assertIn("Nobody has said yet", browser.get(own).body)
        self.assertIn("said=taken", browser.post("/c/urgent", at | {"escalation": escalation, "who": "Ng"}).to)
        self.assertIn("Ng looks after it", browser.get(own).body)
        # The token of one session is of no use in another.
        second = self.enter(Browser(sidecar))
        self.assertEqual(second.post("/c/proposals", at | {"workup": workup}).status, 403)

    def test_a_session_ends_when_told_and_with_the_next_launch(self):
        self.add("stroke-signs/response.json", "critical-calcium/bundle.json")
        sidecar = self.serve()
        browser = self.enter(Browser(sidecar))
        own, = self.summaries(browser)
        csrf = re.search(r'action="/c/end"><input type="hidden" name="csrf" value="([^"]+)"', browser.get(own).body).group(1)
        kept = dict(browser.jar)
        self.assertEqual(browser.get("/c/end").status, 405)
        self.assertEqual(browser.post("/c/end", {"csrf": "0"}).status, 403)
        page = browser.post("/c/end", {"csrf": csrf})
        self.assertEqual((page.status, page.title), (200, "You are signed out"))
        self.assertNotIn("__Host-mf-clinic", browser.jar)
        browser.jar = kept
        self.assertEqual(browser.get(own).status, 403)
        # Another patient of the same browser: what was open before shows nothing any more.
        browser = self.enter(Browser(sidecar))
        before = dict(browser.jar)
        self.ehr.patient = "ines"
        self.enter(browser)
        self.assertEqual(browser.get(own).status, 404)
        browser.jar = before
        self.assertEqual(browser.get(own).status, 403)

    def test_it_ends_by_itself(self):
        self.add("stroke-signs/response.json")
        sidecar = self.serve(**{"idle-time": 60})
        browser = self.enter(Browser(sidecar))
        self.assertEqual(browser.get("/c/patient").status, 303)
        metrics = sidecar.ask("GET", "/metrics")[2].decode()
        self.assertIn('myoflag_launches{outcome="signed in"} 1', metrics)
        self.assertIn("myoflag_launch_sessions 1", metrics)
        sidecar.stop()
        again = self.serve()
        browser.sidecar = again
        self.assertEqual(browser.get("/c/patient").status, 403)

    def test_in_a_frame_the_cookies_are_for_that_frame(self):
        self.add("stroke-signs/response.json")
        sidecar = self.serve()
        browser = Browser(sidecar, framed=True)
        self.enter(browser)
        for cookie in browser.set:
            self.assertRegex(cookie, r"^__Host-mf-(launch|clinic)=[0-9a-f]{32}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned$")
        browser = Browser(sidecar)
        del browser.headers["Sec-Fetch-Dest"]
        self.to_ehr(browser)
        self.assertIn("Partitioned", browser.set[0])

    def test_a_session_on_the_machine_itself_is_bound_as_well(self):
        self.add("stroke-signs/response.json", "critical-calcium/bundle.json")
        sidecar = self.serve()
        browser = Browser(sidecar)
        browser.headers["Host"] = f"127.0.0.1:{sidecar.port}"
        self.assertEqual(browser.get("/c/worklist").status, 200)
        self.enter(browser)
        self.assertEqual(browser.get("/c/worklist").status, 403)

    # ---- which form is whose

    def test_several_forms_are_listed_and_none_is_a_page_that_says_so(self):
        self.add("hand-weakness/response.xml", "stroke-signs/response.json")
        sidecar = self.serve()
        browser = self.enter(Browser(sidecar))
        self.assertEqual(browser.get("/c/patient").to, "/c/forms")
        listed = self.summaries(browser)
        self.assertEqual(len(listed), 2)
        self.assertIn("Emergency", browser.get(listed[0]).title, "what is urgent and looked after by nobody stands first")
        self.ehr.patient = "nobody"
        browser = self.enter(Browser(sidecar))
        page = browser.get("/c/forms")
        self.assertEqual(page.title, "There is no form of this patient here")
        self.assertIn("Nothing follows from that", page.body)
        # One that came since.
        self.add_response("Patient/nobody", id="late")
        self.assertEqual(len(self.summaries(browser)), 1)

    def test_forms_that_name_a_server_are_of_that_server(self):
        secure = self.ehr.iss.replace("http://", "https://").upper().replace("/FHIR", "/fhir").replace("HTTPS", "https")
        for name, reference, patient, is_seen in (
                ("relative", "Patient/p1", "p1", True), ("same", self.ehr.iss + "/Patient/p2", "p2", True),
                ("https", secure + "/Patient/p3", "p3", True), ("other", "https://other.example/fhir/Patient/p4", "p4", False),
                ("path", self.ehr.iss + "/tenant/Patient/p5", "p5", False), ("case", "Patient/P6", "p6", False),
                ("prefix", "Patient/p77", "p7", False), ("kind", "Practitioner/p8", "p8", False),
                ("version", "Patient/p9/_history/3", "p9", True)):
            with self.subTest(name):
                try:
                    self.add_response(reference, id="form-" + name)
                except subprocess.CalledProcessError:
                    self.assertFalse(is_seen)
                    continue
        sidecar = self.serve()
        everything = self.all_summaries(sidecar)
        for patient, is_seen in (("p1", 1), ("p2", 1), ("p3", 1), ("p4", 0), ("p5", 0), ("p6", 0), ("p7", 0), ("p8", 0), ("p9", 1)):
            with self.subTest(patient):
                self.ehr.patient = patient
                browser = self.enter(Browser(sidecar))
                shown = [one for one in everything if browser.get(one).status == 200]
                self.assertEqual(len(shown), is_seen)
                self.assertEqual(len(self.summaries(browser)), is_seen)

    def test_a_patient_without_a_server_is_only_the_home_servers(self):
        self.add_response("Patient/p1", id="home")
        other = Ehr()
        self.addCleanup(other.close)
        config = self.configure(
            launch={"patients-of": other.iss, "servers": [{"iss": self.ehr.iss, "client-id": "myoflag"},
                                                          {"iss": other.iss, "client-id": "myoflag"}]})
        sidecar = self.serve_by(config)
        self.ehr.patient = other.patient = "p1"
        form, = self.all_summaries(sidecar)
        browser = self.enter(Browser(sidecar))
        self.assertEqual((self.summaries(browser), browser.get(form).status), ([], 404))
        self.ehr = other
        browser = self.enter(Browser(sidecar))
        self.assertEqual((self.summaries(browser), browser.get(form).status), ([form], 200))

    # ---- who does not come in

    def test_an_unknown_server_is_asked_nothing(self):
        sidecar = self.serve()
        unknown = "This record system is not set up here"
        browser = Browser(sidecar)
        stranger = Ehr()
        self.addCleanup(stranger.close)
        for iss in (stranger.iss, self.ehr.iss + "/x", self.ehr.iss.replace("127.0.0.1", "localhost"), self.ehr.iss.upper(),
                    self.ehr.iss + "@" + stranger.iss, "javascript:alert(1)", "", self.ehr.iss + "\n", self.ehr.iss + "?"):
            self.refused(browser.begin(iss, "x"), 403, unknown, sidecar, "MF-4270")
        self.assertEqual((stranger.asked, self.ehr.asked, browser.jar), ([], [], {}))
        for query in ("", "?iss=" + self.ehr.iss, "?launch=x", "?iss=" + self.ehr.iss + "&launch=",
                      "?iss=" + self.ehr.iss + "&launch=a%20b", "?iss=%zz&launch=x"):
            self.refused(browser.get("/smart/launch" + query), 403, unknown, sidecar, "MF-4270")
        self.assertEqual(browser.begin(self.ehr.iss + "/", self.ehr.launch()).status, 303)

    def test_a_state_is_good_once_in_the_browser_that_began(self):
        self.add("stroke-signs/response.json")
        sidecar = self.serve()
        title = "This sign-in does not fit"
        browser = Browser(sidecar)
        back = self.back(browser)
        self.assertEqual(browser.get(back).status, 303)
        self.assertIn("known", self.refused(browser.get(back), 403, title, sidecar, "MF-4271"))
        # Another browser, which began one too, and one that keeps no cookies: nobody is let in with somebody else's launch.
        for jar in ("own", None):
            victim, attacker = Browser(sidecar), Browser(sidecar)
            if jar:
                self.to_ehr(victim)
            else:
                victim.jar = {}
            lure = self.back(attacker)
            self.refused(victim.get(lure), 403, title, sidecar, "MF-4271")
            self.assertEqual(victim.get("/c/patient").status, 403)
            self.refused(attacker.get(lure), 403, title, sidecar, "MF-4271")
        for query in ("", "?code=x", "?state=" + "0" * 32 + "&code=x", "?state=&code=", "?state=x&error=access_denied"):
            self.refused(browser.get("/smart/callback" + query), 403, title, sidecar, "MF-4271")
        state = urllib.parse.parse_qs(urllib.parse.urlsplit(self.to_ehr(browser)).query)["state"][0]
        self.refused(browser.get(f"/smart/callback?state={state}"), 403, title, sidecar, "MF-4271")
        back = self.back(browser)
        self.refused(browser.get(back + "&iss=https://evil.example"), 403, title, sidecar, "MF-4271")
        # The cookie that somebody brought along is never the session.
        browser.jar["__Host-mf-clinic"] = "f" * 32
        self.enter(browser)
        self.assertNotEqual(browser.jar["__Host-mf-clinic"], "f" * 32)

    def test_two_launches_of_one_browser_do_not_disturb_each_other(self):
        self.add("stroke-signs/response.json")
        sidecar = self.serve()
        browser = Browser(sidecar)
        first, second = self.back(browser), self.back(browser)
        self.assertEqual(browser.get(second).status, 303)
        self.assertEqual(browser.get(first).status, 303)

    def test_what_the_authorization_server_refuses(self):
        sidecar = self.serve()
        self.ehr.how["authorize"] = lambda handler: self.deny(handler, "access_denied")
        browser = Browser(sidecar)
        denied = "The record system did not let you in"
        self.assertIn("access_denied", self.refused(self.come(browser), 403, denied, sidecar, "MF-4272"))
        self.ehr.how["authorize"] = lambda handler: self.deny(handler, "<script>Patient/1")
        self.assertNotIn("script", self.refused(self.come(browser), 403, denied, sidecar, "MF-4272"))
        self.assert_quiet(sidecar)

    def deny(self, handler, error):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        return Ehr.back(handler, query, error=error, error_description="Patient/secret")

    def test_a_code_that_is_over_or_somebody_elses(self):
        sidecar = self.serve()
        failed = "The record system did not answer as it should"
        self.ehr.code_life = -1
        browser = Browser(sidecar)
        self.assertIn("invalid_grant", self.refused(self.come(browser), 502, failed, sidecar, "MF-4274"))
        self.ehr.code_life = 60
        other = urllib.parse.parse_qs(urllib.parse.urlsplit(self.back(Browser(sidecar))).query)["code"][0]
        back = self.back(browser)
        swapped = re.sub(r"code=[^&]*", "code=" + other, back)
        self.refused(browser.get(swapped), 502, failed, sidecar, "MF-4274")
        self.assertIn(("token", "verifier"), self.ehr.refusals, "PKCE binds the code to who began")

    def test_every_id_token_that_is_not_exactly_right(self):
        sidecar = self.serve()
        ehr, now = self.ehr, int(time.time())
        other = Key(ehr.folder.name, self.ALG, "other")
        curve = Key(ehr.folder.name, "ES384" if self.ALG != "ES384" else "RS256", "k2")
        untrusted = "The sign-in could not be verified"

        def unsigned(claims, alg, secret=None):
            import hashlib
            import hmac
            text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": alg, "typ": "JWT", "kid": "k1"}, claims))
            return text + "." + (base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest()) if secret else "")

        public = json.dumps(ehr.key.jwk).encode()
        cases = [("audience", {"aud": "another"}), ("audience", {"aud": ["myoflag", "another"]}), ("audience", {"aud": []}),
                 ("audience", {"aud": None}), ("audience", {"azp": "another"}), ("issuer", {"iss": "https://evil.example"}),
                 ("issuer", {"iss": ehr.iss + "/"}), ("issuer", {"iss": None}), ("nonce", {"nonce": "0" * 32}),
                 ("nonce", {"nonce": None}), ("nonce", {"nonce": ""}), ("time", {"exp": now - 61}), ("time", {"iat": now + 3600}),
                 ("time", {"nbf": now + 3600}), ("malformed", {"exp": None}), ("malformed", {"exp": str(now + 300)}),
                 ("malformed", {"sub": None}), ("malformed", {"iat": None})]
        for why, change in cases:
            with self.subTest(why=why, change=change):
                ehr.how = {"claims": lambda claims, change=change: claims.update(change)}
                self.assertIn(": " + why, self.refused(self.come(Browser(sidecar)), 502, untrusted, sidecar, "MF-4275"))
        signed = [("algorithm", lambda c: unsigned(c, "none")), ("algorithm", lambda c: unsigned(c, "HS256", public)),
                  ("algorithm", lambda c: unsigned(c, "nOnE")), ("signature", lambda c: other.token(c, kid="k1")),
                  ("key", lambda c: other.token(c)), ("key", curve.token), ("key", lambda c: ehr.key.token(c, kid="")),
                  ("malformed", lambda c: ehr.key.token(c, crit=["x"])), ("malformed", lambda c: "a.b.c"),
                  ("malformed", lambda c: ehr.key.token(c) + "."), ("signature", lambda c: ehr.key.token(c)[:-10]),
                  ("malformed", lambda c: ehr.key.token(c | {"x": "y" * 9000}))]
        for why, sign in signed:
            with self.subTest(why=why):
                ehr.how = {"sign": sign}
                line = self.refused(self.come(Browser(sidecar)), 502, untrusted, sidecar, "MF-4275")
                self.assertTrue(line.endswith(": " + why), line)
        ehr.how = {"claims": lambda claims: claims.update(aud=["myoflag"], azp="myoflag", exp=now - 30)}
        self.enter(Browser(sidecar))
        ehr.how = {"sign": lambda c: ehr.key.token(c, kid=None, typ=None)}
        self.enter(Browser(sidecar))
        self.assert_quiet(sidecar)

    def test_a_new_key_is_fetched_and_one_that_is_not_published_is_not_believed(self):
        sidecar = self.serve()
        self.enter(Browser(sidecar))
        new = Key(self.ehr.folder.name, "ES256", "k2")
        self.ehr.key = new
        self.refused(self.come(Browser(sidecar)), 502, "The sign-in could not be verified", sidecar, "MF-4275")
        self.ehr.published.append(new)
        for _ in range(60):  # not asked again at once
            if self.come(Browser(sidecar)).status == 303:
                break
            time.sleep(1)
        else:
            self.fail("the new key is not taken")
        self.assertLess(sum(1 for part, *_ in self.ehr.asked if part == "keys"), 6)

    def test_a_token_response_that_will_not_do(self):
        sidecar = self.serve()
        self.refused(self.come(Browser(sidecar), patient=None), 403, "No patient was chosen", sidecar, "MF-4276")
        failed = "The record system did not answer as it should"
        for change in ({"id_token": None}, {"access_token": None}, {"token_type": "mac"}, {"patient": ""}, {"patient": "a/b"},
                       {"patient": ["example"]}, {"patient": "x" * 65}, {"patient": "<b>"}):
            with self.subTest(change=change):
                self.ehr.how = {"granted": lambda answer, change=change: answer.update(change)}
                self.refused(self.come(Browser(sidecar)), 502, failed, sidecar, "MF-4274")

    def test_servers_that_are_broken_slow_or_endless(self):
        sidecar = self.serve()
        failed = "The record system did not answer as it should"

        def broken(handler):  # cpprestsdk ends its process for this
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n")
            handler.close_connection = True
            return True

        def huge(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "300000000")
            handler.end_headers()
            try:
                for _ in range(300):
                    handler.wfile.write(b" " * 1_000_000)
            except OSError:
                pass
            return True

        def trickle(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            try:
                for _ in range(300):
                    handler.wfile.write(b" ")
                    time.sleep(0.1)
            except OSError:
                pass
            return True

        def answer(*arguments, **how):
            def reply(handler):
                handler.reply(*arguments, **how)
                return True
            return reply

        elsewhere = Ehr()
        self.addCleanup(elsewhere.close)
        hows = (broken, huge, trickle, answer(b"{"), answer(b"[]"), answer(b"\xff\xfe"), answer({}, 500), answer({}, 404),
                answer(b"", 307, Location=elsewhere.base + "/token"), answer(b'{"a":' * 5000))
        for part, code in (("configuration", "MF-4273"), ("token", "MF-4274"), ("keys", "MF-4277")):
            for number, how in enumerate(hows):
                if how is trickle and part == "keys":
                    continue  # takes its time once for each way is enough
                with self.subTest(part=part, number=number):
                    begin = time.monotonic()
                    self.ehr.how = {part: how}
                    browser = Browser(sidecar)
                    page = (browser.begin(self.ehr.iss, self.ehr.launch()) if part == "configuration" else self.come(browser))
                    self.refused(page, 502, failed, sidecar, code)
                    self.assertLess(time.monotonic() - begin, 15 * PATIENCE)
                    if part != "token":
                        time.sleep(2.1)  # who waited for a failure shares it
            self.ehr.how = {}
            if part == "configuration":
                for name, value in (("code_challenge_methods_supported", ["plain"]), ("issuer", None), ("jwks_uri", None),
                                    ("token_endpoint", "http://ehr.example/token"), ("authorization_endpoint", "javascript:x")):
                    with self.subTest(name):
                        settings = {k: v for k, v in (self.ehr.settings() | {name: value}).items() if v is not None}
                        self.ehr.how = {part: answer(settings)}
                        self.refused(Browser(sidecar).begin(self.ehr.iss, "x"), 502, failed, sidecar, code)
                        time.sleep(2.1)
                self.ehr.how = {}
        self.enter(Browser(sidecar))
        self.assertEqual(elsewhere.asked, [], "no redirect is followed")
        self.assert_quiet(sidecar)

    def test_slow_servers_hold_up_nobody_else(self):
        sidecar = self.serve(**{"at-once": 1})
        gate = threading.Event()
        self.ehr.how["token"] = lambda handler: gate.wait(5) and None
        browsers = [Browser(sidecar) for _ in range(6)]
        backs = [self.back(one) for one in browsers]
        pages = []
        threads = [threading.Thread(target=lambda one=one, back=back: pages.append(one.get(back).status))
                   for one, back in zip(browsers, backs)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        begin = time.monotonic()
        self.assertEqual(sidecar.ask("GET", "/health")[0], 200)
        self.assertLess(time.monotonic() - begin, PATIENCE)
        gate.set()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(pages.count(503), 4)
        self.assertIn("MF-4278", sidecar.log.decode())

    def test_its_processes_may_die(self):
        self.add("stroke-signs/response.json")
        sidecar = self.serve()
        self.enter(Browser(sidecar))
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(sidecar.process.pid)], capture_output=True, check=False)
        for process in found.stdout.split():
            os.kill(int(process), 9)
        time.sleep(0.3)
        self.enter(Browser(sidecar))

    # ---- who we are there

    def test_a_confidential_client_signs_and_publishes_its_key(self):
        for kind in (("ecparam", "-name", "secp384r1", "-genkey", "-noout"), ("genrsa", "2048")):
            with self.subTest(kind[0]):
                path = os.path.join(self.folder, "launch.pem")
                with open(path, "wb") as file:
                    file.write(Client.openssl(*kind))
                os.chmod(path, 0o600)
                sidecar = self.serve({"key": "launch.pem", "key-id": "ours"})
                status, headers, body = sidecar.ask("GET", "/.well-known/jwks.json")
                published, = json.loads(body)["keys"]
                self.assertEqual((status, headers["Content-Type"], published["kid"]), (200, "application/json", "ours"))
                self.assertFalse(set(published) & {"d", "p", "q", "dp", "dq", "qi"})
                self.ehr.client_keys = lambda: {"keys": [published]}
                self.ehr.refusals.clear()
                self.enter(Browser(sidecar))
                form = [form for part, _, form, _ in self.ehr.asked if part == "token"][-1]
                self.assertNotIn("client_id", form)
                self.assertEqual(self.ehr.refusals, [])
                # A key that others may read signs nothing.
                os.chmod(path, 0o644)
                self.assertIn("MF-4131", self.refused(self.come(Browser(sidecar)), 502, "The record system did not answer as it should",
                                                      sidecar, "MF-4274"))
                self.assertEqual(sidecar.ask("GET", "/.well-known/jwks.json")[0], 503)
                sidecar.stop()

    def test_a_public_client_has_no_keys(self):
        sidecar = self.serve()
        self.assertEqual(sidecar.ask("GET", "/.well-known/jwks.json")[0], 404)

    def test_cards_lead_to_the_launch(self):
        sidecar = self.serve()
        from serve_test import SERVICE, sample_call
        status, _, body = sidecar.ask("POST", SERVICE, json.dumps(sample_call()), {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.client.token()})
        links = [link for card in json.loads(body)["cards"] for link in card.get("links", [])]
        self.assertEqual(status, 200)
        self.assertIn(("https://cds.example/smart/launch", "smart"), [(link["url"], link["type"]) for link in links])

    # ---- the configuration

    def check(self, path):
        done = subprocess.run([PROGRAM, "config", "--check", path], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def test_the_configuration_is_checked(self):
        self.add("stroke-signs/response.json")
        self.assertEqual(self.check(self.configuration()), (0, ""))
        loose = os.path.join(self.folder, "loose.pem")
        with open(loose, "wb") as file:
            file.write(Client.openssl("genrsa", "2048"))
        os.chmod(loose, 0o644)
        for server, launch, code in (
                ({"iss": "http://ehr.example/fhir"}, {}, "MF-4254"), ({"iss": "https://ehr.example/"}, {}, "MF-4254"),
                ({"client-id": ""}, {}, "MF-4255"), ({"algorithms": ["none"]}, {}, "MF-4254"), ({"algorithms": ["HS256"]}, {}, "MF-4254"),
                ({"algorithms": []}, {}, "MF-4255"), ({"scope": "launch"}, {}, "MF-4255"), ({"secret": "x"}, {}, "MF-4253"),
                ({"key": "gone.pem"}, {}, "MF-4131"), ({"key": "loose.pem"}, {}, "MF-4131"), ({"key": "keys.json"}, {}, "MF-"),
                ({}, {"patients-of": "https://other.example/fhir"}, "MF-4254"), ({}, {"idle-time": 1}, "MF-4254"),
                ({}, {"frame-ancestors": ["*"]}, "MF-4254"), ({}, {"frame-ancestors": ["https://a.example; script-src *"]}, "MF-4254"),
                ({}, {"ca": "gone.pem"}, "MF-4001"), ({}, {"proxy": "http://a:b@proxy.example"}, "MF-4254"),
                ({}, {"servers": []}, "MF-4255"), ({}, {"servers": [{"iss": "https://a.example"}]}, "MF-4255"),
                ({}, {"servers": [{"iss": "https://a.example", "client-id": "x"}] * 2, "patients-of": "https://a.example"}, "MF-4256"),
                ({}, {"servers": [{"iss": f"https://{x}.example", "client-id": "x"} for x in "ab"]}, "MF-4255")):
            with self.subTest(server=server, launch=launch):
                status, said = self.check(self.configuration(server, **launch))
                self.assertEqual(status, 2, said)
                self.assertIn(code, said)
        for missing in ("service", "intake"):
            with open(self.configuration(), encoding="utf-8") as file:
                config = json.load(file)
            del config[missing]
            status, said = self.check(self.client.put("less.yaml", config))
            self.assertEqual(status, 2)
            self.assertIn("MF-4255", said)


class LaunchEs384(unittest.TestCase):
    """The same way in with each algorithm that servers use."""

    def test_every_algorithm(self):
        for alg in ("ES256", "ES384", "RS384"):
            with self.subTest(alg):
                class One(Launch):
                    ALG = alg

                    def runTest(self):
                        self.add("stroke-signs/response.json")
                        sidecar = self.serve({"algorithms": [alg]})
                        self.enter(Browser(sidecar))
                        self.ehr.key = Key(self.ehr.folder.name, "RS256", "k9")
                        self.refused(self.come(Browser(sidecar)), 502, "The sign-in could not be verified", sidecar, "MF-4275")
                result = One().run()
                self.assertTrue(result.wasSuccessful(), result.failures + result.errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
