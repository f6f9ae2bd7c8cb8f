#!/usr/bin/env python3
"""Staff sign in to the worklist with OpenID Connect, on real sockets: who gets in, who does not and why, what a session may do, who then
looks after what is urgent, and that nobody is local where that is switched off."""
import html
import json
import os
import re
import subprocess
import sys
import time
import unittest
import unittest.mock
import urllib.parse

ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
sys.path[:0] = [os.path.join(ROOT, "tests", "sidecar"), os.path.dirname(os.path.abspath(__file__))]
from clinic import PROGRAM, Client, Clinic  # noqa: E402
from launch_test import Browser, visit  # noqa: E402
from smart_ehr import Ehr, Key, unbase64url  # noqa: E402

SIGN_IN = "/staff/sign-in"
GROUP = "clinic-staff"


def verifies_as(key, token):
    """Its claims, where the provider's key signed it."""
    head, payload, signature = token.split(".")
    assert unbase64url(signature) == key.sign(f"{head}.{payload}".encode())  # RS256: the same each time
    return json.loads(unbase64url(payload))


class Staff(Clinic):
    def setUp(self):
        super().setUp()
        self.provider = Ehr()
        self.addCleanup(self.provider.close)
        self.provider.is_provider = True
        self.says()
        self.add("stroke-signs/response.json", "critical-calcium/bundle.json")

    def says(self, **claims):
        about = {"groups": ["doctors", GROUP], "name": "Ana Ruiz", "preferred_username": "aruiz"} | claims
        self.provider.how = {"claims": lambda given: given.update(about)}

    def configuration(self, launch=None, **staff):
        about = {"issuer": self.provider.iss, "client-id": "myoflag", "claim": "groups", "value": GROUP} | staff
        sections = {"launch": launch} if launch else {}
        return self.configure(staff={name: value for name, value in about.items() if value is not None}, **sections)

    def serve(self, **staff):
        return self.serve_by(self.configuration(**staff))

    def to_provider(self, browser):
        page = browser.get(SIGN_IN)
        self.assertEqual(page.status, 303, page.body)
        return page.to

    def back(self, browser):
        page = visit(self.to_provider(browser))
        self.assertEqual(page.status, 302, self.provider.refusals)
        return page.here()

    @staticmethod
    def onward(page):
        return html.unescape(re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', page.body).group(1))

    def come(self, browser):
        return browser.get(self.back(browser))

    def enter(self, browser):
        page = self.come(browser)
        self.assertEqual((page.status, page.to), (303, "/c/worklist"), page.body)
        return browser

    def refused(self, page, status, title, sidecar, code):
        self.assertEqual((page.status, page.title), (status, title), page.body)
        self.assertNotIn("__Host-mf-clinic", page.headers.get("Set-Cookie", ""))
        self.assertIn("frame-ancestors 'none'", page.headers["Content-Security-Policy"])
        self.assertIn(f'href="{SIGN_IN}"', page.body)
        for _ in range(200):
            lines = [line["failed"] for line in sidecar.lines() if "failed" in line and line["request"] == page.headers["X-Request-Id"]]
            if lines:
                break
            time.sleep(0.01)
        self.assertTrue(lines and lines[0].startswith(code), lines)
        return lines[0]

    def assert_quiet(self, sidecar, *more):
        log = sidecar.log.decode()
        for word in ("secret-access-token", "Patient/", "user-1", "Ana Ruiz", "aruiz", *more):
            self.assertNotIn(word, log)

    # ---- the way in

    def test_staff_see_all_forms_and_look_after_them_by_name(self):
        sidecar = self.serve()
        browser = Browser(sidecar)
        page = browser.get("/c/worklist")
        self.assertEqual((page.status, page.title), (403, "Sign in to see this page"))
        self.assertIn(f'href="{SIGN_IN}"', page.body)
        address = self.to_provider(browser)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        self.assertEqual(sorted(asked), ["client_id", "code_challenge", "code_challenge_method", "max_age", "nonce", "redirect_uri", "response_type",
                                         "scope", "state"])
        self.assertEqual((asked["redirect_uri"], asked["scope"]), ("https://cds.example/staff/callback", "openid profile"))
        back = visit(address).here()
        page = browser.get(back)
        self.assertEqual((page.status, page.to), (303, "/c/worklist"))
        self.assertRegex(browser.set[-1], r"^__Host-mf-clinic=[0-9a-f]{32}; Path=/; Secure; HttpOnly; SameSite=Lax$")
        page = browser.get("/c/worklist")
        self.assertEqual(page.status, 200)
        self.assertIn("Signed in as Ana Ruiz (aruiz)", page.body)
        self.assertIn("frame-ancestors 'none'", page.headers["Content-Security-Policy"])
        self.assertNotIn("On this machine only", page.body)
        self.assertNotIn('name="who"', page.body)
        forms = set(re.findall(r'href="(/c/summary/[^"]+)"', page.body))
        self.assertEqual(len(forms), 2)
        fields = dict(re.findall(r'name="(csrf|escalation)" value="([^"]+)"', page.body))
        # A name that is typed all the same is not taken.
        self.assertEqual(browser.post("/c/urgent", fields | {"who": "Somebody else"}).status, 403)
        self.assertEqual(browser.post("/c/urgent", fields | {"csrf": "0"}).status, 403)
        self.assertEqual(browser.post("/c/urgent", fields, Origin="https://evil.example").status, 403)
        self.assertEqual(browser.post("/c/urgent", fields).to, "/c/worklist")
        self.assertIn("Ana Ruiz (aruiz), ", browser.get("/c/worklist").body)
        # On the summary, too.
        self.says(name="", preferred_username="bob")
        second = self.enter(Browser(sidecar))
        own = next(one for one in forms if "I look after this" in second.get(one).body)
        page = second.get(own).body
        self.assertNotIn('name="who"', page)
        self.assertIn("Signed in as bob", page)
        fields = dict(re.findall(r'name="(csrf|escalation|form)" value="([^"]+)"', page))
        self.assertIn("said=taken", second.post("/c/urgent", fields).to)
        self.assertIn("bob looks after it", second.get(own).body)
        # Who was first stays.
        self.assertEqual(browser.post("/c/urgent", {"csrf": re.search(r'name="csrf" value="([^"]+)"', browser.get(own).body).group(1),
                                                    "escalation": fields["escalation"], "form": ""}).status, 303)
        self.assertIn("bob looks after it", second.get(own).body)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        self.assert_quiet(sidecar, code, asked["state"], browser.jar["__Host-mf-clinic"], "bob")
        self.assertEqual(self.provider.refusals, [])
        self.assertIn('myoflag_staff_sign_ins{outcome="signed in"} 2', sidecar.ask("GET", "/metrics")[2].decode())

    def test_staff_may_come_from_the_machine_too_and_are_named_there(self):
        sidecar = self.serve()
        self.assertEqual(sidecar.ask("GET", "/c/worklist")[0], 200)
        browser = Browser(sidecar)
        browser.headers["Host"] = f"127.0.0.1:{sidecar.port}"
        self.assertIn('name="who"', browser.get("/c/worklist").body)
        self.enter(browser)
        self.assertNotIn('name="who"', browser.get("/c/worklist").body)

    def test_they_sign_out_and_it_ends_by_itself(self):
        sidecar = self.serve(**{"idle-time": 60})
        browser = self.enter(Browser(sidecar))
        page = browser.get("/c/worklist")
        csrf = re.search(r'action="/c/end"><input type="hidden" name="csrf" value="([^"]+)"', page.body).group(1)
        kept = dict(browser.jar)
        self.assertEqual(browser.post("/c/end", {"csrf": "0"}).status, 403)
        page = browser.post("/c/end", {"csrf": csrf})
        self.assertEqual((page.status, page.title), (200, "You are signed out"))
        self.assertNotIn("__Host-mf-clinic", browser.jar)
        browser.jar = kept
        self.assertEqual(browser.get("/c/worklist").status, 403)
        browser = self.enter(Browser(sidecar))
        sidecar.stop()
        browser.sidecar = self.serve()
        self.assertEqual(browser.get("/c/worklist").status, 403)

    # ---- a secret

    def test_a_secret_is_sent_as_it_is_registered(self):
        odd = "s\u00e9cret: 100%+1&x=y"
        for method in ("client_secret_basic", "client_secret_post"):
            with self.subTest(method=method), unittest.mock.patch.dict(os.environ, MYOFLAG_TEST_SECRET=odd):
                self.provider.secret, self.provider.refusals = (method, odd), []
                sidecar = self.serve(**{"client-secret": "MYOFLAG_TEST_SECRET", "client-secret-method": method})
                self.enter(Browser(sidecar))
                self.assertEqual(self.provider.refusals, [])
                self.assert_quiet(sidecar, "cret: 100", "c%C3%A9cret")
                # Another one, and the same sent in another way.
                title = "Signing in does not work now"
                self.provider.secret = (method, odd + "1")
                line = self.refused(self.come(Browser(sidecar)), 502, title, sidecar, "MF-4274")
                self.assertIn("staff: status 400, invalid_client", line)
                self.provider.secret = ({"client_secret_basic": "client_secret_post"}.get(method, "client_secret_basic"), odd)
                self.refused(self.come(Browser(sidecar)), 502, title, sidecar, "MF-4274")
        self.provider.secret = ("client_secret_basic", odd)
        sidecar = self.serve()  # a public client
        self.refused(self.come(Browser(sidecar)), 502, title, sidecar, "MF-4274")

    # ---- signing out where they signed in

    def sign_out(self, browser):
        page = browser.get("/c/worklist")
        return browser.post("/c/end", {"csrf": re.search(r'action="/c/end"><input type="hidden" name="csrf" value="([^"]+)"', page.body).group(1)})

    def test_they_sign_out_at_the_provider_too(self):
        self.provider.end_session = True
        sidecar = self.serve()
        browser = self.enter(Browser(sidecar))
        kept = dict(browser.jar)
        page = self.sign_out(browser)
        self.assertEqual((page.status, page.title), (200, "You are signed out here"))
        # The session is over before the provider is asked, and whatever it does.
        self.assertNotIn("__Host-mf-clinic", browser.jar)
        old = Browser(sidecar)
        old.jar = kept
        self.assertEqual(old.get("/c/worklist").status, 403)
        self.assertNotIn("Refresh", page.headers, "of a head with such a token a proxy may take nothing")
        address = self.onward(page)
        self.assertIn(f'href="{html.escape(address)}"', page.body)
        self.assertTrue(address.startswith(self.provider.pages + "/end?id_token_hint="))
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query, strict_parsing=True))
        self.assertEqual(sorted(asked), ["id_token_hint", "post_logout_redirect_uri", "state"])
        self.assertEqual(asked["post_logout_redirect_uri"], "https://cds.example/staff/signed-out")
        self.assertEqual(verifies_as(self.provider.key, asked["id_token_hint"])["aud"], "myoflag")
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")
        # The way back is good once, in that browser, and says nothing of who never left.
        back = "/staff/signed-out?state="
        for one, query in ((Browser(sidecar), asked["state"]), (browser, "0" * 32), (browser, ""), (browser, asked["state"])):
            page = one.get(back + query)
            self.assertEqual((page.status, page.to), (303, "/c/worklist"))
        page = self.sign_out(self.enter(browser))
        state = self.onward(page).rpartition("&state=")[2]
        page = browser.get(back + state)
        self.assertEqual((page.status, page.title), (200, "You are signed out"))
        self.assertIn(f'href="{SIGN_IN}"', page.body)
        self.assertEqual(browser.get(back + state).to, "/c/worklist")
        self.assert_quiet(sidecar, asked["id_token_hint"], asked["state"], state)

    def test_they_sign_out_here_where_the_provider_does_not_say_how_or_nobody_wants_it(self):
        for end_session, how in ((False, "provider"), (True, "here")):
            with self.subTest(end_session=end_session, how=how):
                self.provider.end_session = end_session
                browser = self.enter(Browser(self.serve(**{"sign-out": how})))
                page = self.sign_out(browser)
                self.assertEqual((page.status, page.title), (200, "You are signed out"))
                self.assertIn("not from the system that you signed in with", page.body)
                self.assertNotIn("refresh", page.body)
                self.assertEqual(browser.get("/c/worklist").status, 403)

    def test_they_sign_out_while_the_provider_is_down(self):
        self.provider.end_session = True
        browser = self.enter(Browser(self.serve()))
        self.provider.how = {part: lambda handler: handler.reply({}, 503) or True for part in ("configuration", "authorize", "token", "keys")}
        self.assertEqual(self.sign_out(browser).title, "You are signed out here")
        self.assertEqual(browser.get("/c/worklist").status, 403)

    def test_an_address_to_sign_out_that_is_none(self):
        for bad in ("http://login.example/end", "javascript:alert(1)", "/end", "https://x.example/\r\nA: b"):
            with self.subTest(bad=bad):
                sidecar = self.serve()
                settings = self.provider.settings() | {"end_session_endpoint": bad}
                self.provider.how["configuration"] = lambda handler, settings=settings: handler.reply(settings) or True
                line = self.refused(Browser(sidecar).get(SIGN_IN), 502, "Signing in does not work now", sidecar, "MF-4273")
                self.assertIn("its end_session_endpoint is no https address", line)
        self.enter(Browser(self.serve(**{"sign-out": "here"})))  # who does not use it does not mind

    def test_nobody_with_something_like_a_session(self):
        sidecar = self.serve()
        browser = self.enter(Browser(sidecar))
        own = re.search(r'href="(/c/summary/[^"]+)"', browser.get("/c/worklist").body).group(1)
        for jar in ({}, {"__Host-mf-clinic": "0" * 32}, {"__Host-mf-clinic": "x"}, {"__Host-mf-launch": browser.jar["__Host-mf-launch"]}):
            stranger = Browser(sidecar)
            stranger.jar = jar
            for address in (own, "/c/worklist", "/c/forms", "/c/patient"):
                self.assertEqual(stranger.get(address).status, 403)
        # The cookie that somebody brought along is never the session.
        browser = Browser(sidecar)
        browser.jar["__Host-mf-clinic"] = "f" * 32
        self.enter(browser)
        self.assertNotEqual(browser.jar["__Host-mf-clinic"], "f" * 32)

    # ---- a form on a device of the clinic

    def invite(self, *more):
        made = subprocess.run([PROGRAM, "invite", "--store", self.store, "--base", "https://cds.example", "create", "--patient",
                               "Patient/secret-77", "--born", "1980-02-27", *more], check=True, capture_output=True, text=True)
        return urllib.parse.urlsplit(made.stdout.strip()).path

    def opened(self, browser, who="read-out"):
        """The newest invitation of the list, on this device."""
        page = browser.get("/c/worklist")
        address = re.findall(r'href="(/c/open/[0-9]+)"', page.body)[0]
        page = browser.get(address)
        self.assertEqual((page.status, page.title), (200, "Open a form on this device"))
        fields = dict(re.findall(r'name="(csrf|invitation)" value="([^"]+)"', page.body))
        return browser.post("/c/open", fields | {"who": who}), fields

    @staticmethod
    def csrf(page):
        return re.search(r'name="csrf" value="([^"]+)"', page.body).group(1)

    def test_staff_open_a_form_and_are_out(self):
        sidecar = self.serve(**{"local-access": "off"})
        self.invite()
        browser = self.enter(Browser(sidecar))
        kept = dict(browser.jar)
        page, fields = self.opened(browser)
        self.assertEqual((page.status, page.to), (303, "/p/id"))
        self.assertIn("cache", page.headers["Clear-Site-Data"])
        self.assertNotIn("__Host-mf-clinic", browser.jar)
        self.assertEqual(browser.jar["__Host-mf-device"], "1")
        for name in ("__Host-mf", "__Host-mf-device"):
            self.assertRegex(" ".join(browser.set), name + r"=[0-9a-f]+; Path=/; Secure; HttpOnly; SameSite=Lax")
        # The session of staff is over, also for who kept its cookie.
        for jar in (browser.jar, kept):
            again = Browser(sidecar)
            again.jar = dict(jar)
            for address in ("/c/worklist", "/c/open/1", "/c/forms"):
                self.assertEqual(again.get(address).status, 403)
            self.assertEqual(again.post("/c/open", fields | {"who": "patient"}).status, 403)
        page = browser.get("/p/id")
        self.assertNotIn("secret-77", page.body)
        self.assertNotIn("aruiz", page.body)
        # The wrong row was chosen: nothing of it is shown.
        page = browser.post("/p/id", {"csrf": self.csrf(page), "d": "1", "m": "2", "y": "1980"})
        self.assertEqual(page.status, 422)
        page = browser.post("/p/id", {"csrf": self.csrf(page), "d": "27", "m": "2", "y": "1980"})
        self.assertEqual((page.status, page.to), (303, "/p/q/em-now"))
        page = browser.get("/p/q/em-now")
        page = browser.post("/p/q/em-now", {"csrf": self.csrf(page), "rev": re.search(r'name="rev" value="([0-9]+)"', page.body).group(1),
                                            "em-now": "seizure"})
        self.assertEqual(page.to, "/p/stop")
        # Who looks at it knows whose word it is; on another device there is another sign-in.
        self.provider.proved -= 100
        second = self.enter(Browser(sidecar))
        rows = second.get("/c/worklist").body.split("<tr>")
        summary = next(re.search(r'href="(/c/summary/[^"]+)"', row) for row in rows if "secret-77" in row and "/c/summary/" in row)
        page = second.get(summary.group(1))
        self.assertIn("Entered by Ana Ruiz (aruiz).", page.body)
        self.assertIn("The answers are the patient&#39;s own.", page.body.replace("'", "&#39;"))
        # It is given back.
        page = browser.get("/p/stop")
        session = dict(browser.jar)
        page = browser.post("/p/finish", {"csrf": self.csrf(page)})
        self.assertEqual((page.status, page.to), (303, "/p/over"))
        self.assertNotIn("__Host-mf", browser.jar)
        for jar in (browser.jar, session):
            again = Browser(sidecar)
            again.jar = dict(jar)
            for address in ("/p/stop", "/p/q/em-now", "/p/id", "/p/review"):
                self.assertEqual(again.get(address).to, "/p/over")
        self.assertEqual(browser.get("/p/over").title, "This device is ready for the next form")
        self.assert_quiet(sidecar, "secret-77", "seizure")

    def test_a_session_at_the_provider_lets_nobody_in_on_such_a_device(self):
        sidecar = self.serve(**{"local-access": "off"})
        self.invite()
        browser = self.enter(Browser(sidecar))
        self.opened(browser)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.to_provider(browser)).query))
        self.assertEqual((asked["prompt"], asked["max_age"]), ("login", "0"))
        time.sleep(1.1)  # auth_time counts seconds
        self.enter(browser)  # who proves it again comes in
        self.opened(browser)
        # A provider that does not listen, or an address from which somebody took the prompt.
        self.provider.proved, self.provider.ignores_prompt = int(time.time()) - 300, True
        why = self.refused(self.come(browser), 403, "Sign in once more", sidecar, "MF-4275")
        self.assertIn("proof", why)
        self.assertEqual(browser.get("/c/worklist").status, 403)
        self.enter(Browser(sidecar))  # on a device of one's own
        self.says(auth_time=None)
        why = self.refused(self.come(browser), 403, "Sign in once more", sidecar, "MF-4275")
        self.assertIn("auth_time", why)

    def test_nobody_comes_in_by_the_sign_in_of_who_gave_the_device_away(self):
        sidecar = self.serve(**{"local-access": "off"})
        self.invite()
        browser = self.enter(Browser(sidecar))
        before = self.to_provider(browser)  # in another tab
        self.opened(browser)
        # Within the same minute, without the prompt.
        self.provider.ignores_prompt = True
        self.refused(self.come(browser), 403, "Sign in once more", sidecar, "MF-4275")
        # What was begun before, by whatever sign-in.
        page = visit(before)
        self.assertEqual(page.status, 302)
        line = self.refused(browser.get(page.here()), 403, "This sign-in does not fit", sidecar, "MF-4271")
        self.assertIn("given away", line)
        self.refused(self.come(browser), 403, "Sign in once more", sidecar, "MF-4275")
        # Without any cookie of ours: whose sign-in it was is known, and the device is marked anew.
        self.provider.ignores_prompt = False
        browser.jar.clear()
        self.assertEqual(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.to_provider(browser)).query))["max_age"], "86400")
        line = self.refused(self.come(browser), 403, "Sign in once more", sidecar, "MF-4275")
        self.assertIn("given away", line)
        self.assertEqual(browser.jar["__Host-mf-device"], "1")
        time.sleep(1.1)  # auth_time counts seconds
        self.enter(browser)  # by a sign-in of its own
        self.assert_quiet(sidecar, "secret-77")

    def test_a_device_is_not_given_away_where_the_provider_does_not_say_when_people_signed_in(self):
        sidecar = self.serve(**{"local-access": "off"})
        self.invite()
        self.says(auth_time=None)
        browser = self.enter(Browser(sidecar))
        address = re.findall(r'href="(/c/open/[0-9]+)"', browser.get("/c/worklist").body)[0]
        page = browser.get(address)
        self.assertEqual((page.status, page.title), (403, "This device cannot be given away"))
        fields = {"csrf": self.csrf(browser.get("/c/worklist")), "invitation": address.rsplit("/", 1)[1], "who": "patient"}
        self.assertEqual(browser.post("/c/open", fields).status, 403)
        self.assertEqual(browser.get("/c/worklist").status, 200, "nobody was signed out")

    def test_what_opens_no_form(self):
        sidecar = self.serve(**{"local-access": "off"})
        link = self.invite()
        browser = self.enter(Browser(sidecar))
        page = browser.get(re.findall(r'href="(/c/open/[0-9]+)"', browser.get("/c/worklist").body)[0])
        fields = dict(re.findall(r'name="(csrf|invitation)" value="([^"]+)"', page.body))
        page = browser.post("/c/open", fields)
        self.assertEqual(page.status, 422)
        self.assertIn("Choose who gives the answers first", page.body)
        for wrong in ({"who": "nobody"}, {"csrf": "0", "who": "patient"}, {"who": "patient", "more": "1"}):
            self.assertEqual(browser.post("/c/open", fields | wrong).status, 403)
        self.assertEqual(browser.post("/c/open", fields | {"who": "patient"}, Origin="https://evil.example").status, 403)
        for number in ("0", "-1", "99", "x", "9" * 30):
            self.assertEqual(browser.get("/c/open/" + number).status, 404)
            self.assertEqual(browser.post("/c/open", fields | {"invitation": number, "who": "patient"}).status, 404)
        subprocess.run([PROGRAM, "invite", "--store", self.store, "withdraw", fields["invitation"]], check=True, capture_output=True)
        self.assertEqual(browser.post("/c/open", fields | {"who": "patient"}).status, 409)
        self.assertEqual(browser.get("/c/worklist").status, 200, "nobody was signed out")
        self.assertEqual(browser.get(link).status, 410)

    def test_not_where_everybody_on_the_machine_is_in(self):
        sidecar = self.serve()
        self.invite()
        browser = self.enter(Browser(sidecar))
        self.assertIn("/c/open/1", browser.get("/c/worklist").body)  # from elsewhere
        browser.headers["Host"] = f"127.0.0.1:{sidecar.port}"
        self.assertNotIn("/c/open/", browser.get("/c/worklist").body)
        page = browser.get("/c/open/1")
        self.assertEqual((page.status, page.title), (403, "Not on this machine"))
        nobody = Browser(sidecar)
        nobody.headers["Host"] = f"127.0.0.1:{sidecar.port}"
        self.assertEqual(nobody.get("/c/open/1").status, 403)
        self.assertNotIn("/c/open/", nobody.get("/c/worklist").body)

    # ---- who does not come in

    def test_who_is_not_staff(self):
        sidecar = self.serve()
        title = "These pages are for staff of the clinic"
        for groups in (None, [], "", ["doctors"], [GROUP.upper()], [GROUP + "s"], [" " + GROUP], {GROUP: True}, True, 1, [[GROUP]],
                       "doctors," + GROUP):
            with self.subTest(groups=groups):
                self.says(groups=groups)
                browser = Browser(sidecar)
                self.refused(self.come(browser), 403, title, sidecar, "MF-4297")
                self.assertEqual(browser.get("/c/worklist").status, 403)
        self.says(groups=GROUP)  # one text instead of a list
        self.enter(Browser(sidecar))
        self.assert_quiet(sidecar)

    def test_a_claim_inside_another(self):
        sidecar = self.serve(claim="realm_access.roles")
        self.says()
        self.refused(self.come(Browser(sidecar)), 403, "These pages are for staff of the clinic", sidecar, "MF-4297")
        self.says(realm_access={"roles": [GROUP]})
        self.enter(Browser(sidecar))
        self.says(**{"realm_access.roles": ["other"], "realm_access": {"roles": [GROUP]}})  # the whole name counts first
        self.refused(self.come(Browser(sidecar)), 403, "These pages are for staff of the clinic", sidecar, "MF-4297")

    def test_a_state_is_good_once_in_the_browser_that_began(self):
        sidecar = self.serve()
        title = "This sign-in does not fit"
        browser = Browser(sidecar)
        back = self.back(browser)
        self.assertEqual(browser.get(back).status, 303)
        self.refused(browser.get(back), 403, title, sidecar, "MF-4271")
        victim, attacker = Browser(sidecar), Browser(sidecar)
        lure = self.back(attacker)
        self.refused(victim.get(lure), 403, title, sidecar, "MF-4271")
        self.assertEqual(victim.get("/c/worklist").status, 403)
        for query in ("", "?code=x", "?state=" + "0" * 32 + "&code=x", "?state=x&error=access_denied"):
            self.refused(browser.get("/staff/callback" + query), 403, title, sidecar, "MF-4271")
        self.refused(browser.get(self.back(browser) + "&iss=https://evil.example"), 403, title, sidecar, "MF-4271")
        other = urllib.parse.parse_qs(urllib.parse.urlsplit(self.back(Browser(sidecar))).query)["code"][0]
        swapped = re.sub(r"code=[^&]*", "code=" + other, self.back(browser))
        self.refused(browser.get(swapped), 502, "Signing in does not work now", sidecar, "MF-4274")
        self.assertIn(("token", "verifier"), self.provider.refusals)

    def test_every_id_token_that_is_not_exactly_right(self):
        sidecar = self.serve()
        now = int(time.time())
        other = Key(self.provider.folder.name, "RS256", "other")
        untrusted = "The sign-in could not be verified"
        for why, change in (("audience", {"aud": "another"}), ("audience", {"aud": ["myoflag", "another"]}), ("audience", {"azp": "x"}),
                            ("issuer", {"iss": "https://evil.example"}), ("issuer", {"iss": None}), ("nonce", {"nonce": "0" * 32}),
                            ("nonce", {"nonce": None}), ("time", {"exp": now - 61}), ("time", {"iat": now + 3600}),
                            ("time", {"nbf": now + 3600}), ("malformed", {"exp": None}), ("malformed", {"sub": None})):
            with self.subTest(why=why, change=change):
                self.says(**change)
                self.assertIn("staff: " + why, self.refused(self.come(Browser(sidecar)), 502, untrusted, sidecar, "MF-4275"))
        self.says()
        for why, sign in (("signature", lambda c: other.token(c, kid="k1")), ("key", other.token), ("malformed", lambda c: "a.b.c"),
                          ("algorithm", lambda c: self.provider.key.token(c, alg="none")),
                          ("algorithm", lambda c: self.provider.key.token(c, alg="HS256"))):
            with self.subTest(why=why):
                self.provider.how["sign"] = sign
                self.assertTrue(self.refused(self.come(Browser(sidecar)), 502, untrusted, sidecar, "MF-4275").endswith(": " + why))
        self.assert_quiet(sidecar)

    def test_a_provider_that_refuses_or_is_another(self):
        sidecar = self.serve()
        usual = dict(self.provider.how)
        self.provider.how["authorize"] = lambda handler: Ehr.back(
            handler, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query)), error="access_denied")
        self.refused(self.come(Browser(sidecar)), 403, "You were not signed in", sidecar, "MF-4272")
        self.provider.how = usual
        sidecar = self.serve()
        for change in ({"issuer": "https://evil.example"}, {"code_challenge_methods_supported": ["plain"]}, {"jwks_uri": "http://x.example/"}):
            with self.subTest(change=change):
                settings = self.provider.settings() | change

                def configured(handler, settings=settings):
                    handler.reply(settings)
                    return True

                self.provider.how["configuration"] = configured
                self.refused(Browser(sidecar).get(SIGN_IN), 502, "Signing in does not work now", sidecar, "MF-4273")
                time.sleep(2.1)  # who waited for a failure shares it
        del self.provider.how["configuration"]
        self.enter(Browser(sidecar))

    def test_staff_and_launches_do_not_mix(self):
        ehr = Ehr()
        self.addCleanup(ehr.close)
        sidecar = self.serve_by(self.configuration(launch={"servers": [{"iss": ehr.iss, "client-id": "myoflag"}],
                                                           "frame-ancestors": ["https://ehr.example"]}))
        browser = self.enter(Browser(sidecar))
        self.assertIn("frame-ancestors 'none'", browser.get("/c/worklist").headers["Content-Security-Policy"])
        # The return of one is nothing to the other.
        lure = self.back(browser).replace("/staff/callback", "/smart/callback")
        self.assertEqual(browser.get(lure).status, 403)
        launched = visit(browser.begin(ehr.iss, ehr.launch()).to).here()
        self.assertEqual(browser.get(launched.replace("/smart/callback", "/staff/callback")).status, 403)
        self.assertEqual(browser.get("/c/worklist").status, 200)
        # Opened from a record, the same browser is bound to that patient.
        page = browser.get(visit(browser.begin(ehr.iss, ehr.launch()).to).here())
        self.assertEqual((page.status, page.to), (303, "/c/patient"))
        self.assertEqual(browser.get("/c/worklist").status, 403)
        page = browser.begin("https://stranger.example", "x")
        self.assertNotIn(SIGN_IN, page.body)

    def test_nobody_is_local_where_that_is_off(self):
        sidecar = self.serve(**{"local-access": "off"})
        for headers in ({}, {"Host": "localhost"}, {"Host": f"127.0.0.1:{sidecar.port}"}):
            for address in ("/c/worklist", "/c/summary/00000000-0000-0000-0000-000000000000"):
                status, _, body = sidecar.ask("GET", address, None, headers)
                self.assertEqual((status, b"Sign in to see this page" in body), (403, True))
            status, _, body = sidecar.ask("POST", "/c/urgent", "csrf=x&escalation=1&form=&who=N",
                                          headers | {"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(status, 403)
        self.assertEqual(self.enter(Browser(sidecar)).get("/c/worklist").status, 200)

    def test_an_aud_is_sent_where_it_is_configured_and_a_key_signs(self):
        path = os.path.join(self.folder, "staff.pem")
        with open(path, "wb") as file:
            file.write(Client.openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout"))
        os.chmod(path, 0o600)
        sidecar = self.serve(aud="https://ehr.example/fhir", key="staff.pem")
        published, = json.loads(sidecar.ask("GET", "/.well-known/jwks.json")[2])["keys"]
        self.provider.client_keys = lambda: {"keys": [published]}
        browser = Browser(sidecar)
        address = self.to_provider(browser)
        self.assertIn("&aud=https%3A%2F%2Fehr.example%2Ffhir&", address)
        page = browser.get(visit(address.replace("&aud=https%3A%2F%2Fehr.example%2Ffhir", "")).here())
        self.assertEqual((page.status, page.to), (303, "/c/worklist"), page.body)
        self.assertEqual(self.provider.refusals, [])

    # ---- the configuration

    def test_the_configuration_is_checked(self):
        def check(path):
            done = subprocess.run([PROGRAM, "config", "--check", path], capture_output=True, text=True, timeout=60, check=False)
            return done.returncode, done.stderr

        self.assertEqual(check(self.configuration()), (0, ""))
        for staff, said in (({"client-id": None}, "staff.client-id is needed"), ({"claim": None}, "staff.claim is needed"),
                            ({"value": None}, "staff.value is needed"), ({"issuer": None}, "staff.issuer is needed"),
                            ({"issuer": "http://login.example"}, "MF-4254"), ({"issuer": "https://login.example/"}, "MF-4254"),
                            ({"scope": "profile"}, "MF-4254"), ({"local-access": "maybe"}, "MF-4254"), ({"key": "gone.pem"}, "MF-4131"),
                            ({"idle-time": 1}, "MF-4254"), ({"secret": "x"}, "MF-4253"),
                            ({"client-secret": "not a name"}, "MF-4254"), ({"client-secret": "MYOFLAG_NOT_SET"}, "MF-4257"),
                            ({"client-secret": "PATH", "key": "x.pem"}, "MF-4256"), ({"sign-out": "maybe"}, "MF-4254"),
                            ({"client-secret": "PATH", "client-secret-method": "private_key_jwt"}, "MF-4254"),
                            ({"client-secret-method": "client_secret_post"}, "there is no secret to send"),
                            ({"key": "x.pem", "client-secret-method": "client_secret_post"}, "MF-4255")):
            with self.subTest(staff=staff):
                status, text = check(self.configuration(**staff))
                self.assertEqual(status, 2, text)
                self.assertIn(said, text)
        self.assertEqual(check(self.configuration(**{"client-secret": "", "client-secret-method": "client_secret_basic"})), (0, ""),
                         "as `config` writes it")
        config = self.client.put("alone.yaml", {"staff": {"local-access": "off"}})
        self.assertIn("nobody could see the clinic's pages", check(config)[1])
        with open(self.configuration(), encoding="utf-8") as file:
            whole = json.load(file)
        for missing in ("service", "intake"):
            less = {name: value for name, value in whole.items() if name != missing}
            self.assertIn("is needed: staff.issuer is there", check(self.client.put("less.yaml", less))[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
