// Staff sign in to the worklist with OpenID Connect, over TLS, against a stand-in that signs and checks (tests/launch/smart_ehr.py).
"use strict";
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { OverTls } = require("./over_tls.js");

let at;

before(async () => {
  at = await OverTls.open({ name: "staff", host: "login.example", options: () => ["--provider"], samples: ["stroke-signs/response.json"],
    sections: (issuer) => ({
      staff: { issuer, "client-id": "myoflag", claim: "groups", value: "clinic-staff", "local-access": "off" } }) });
});

after(() => at?.close());

for (const [width, script] of [[1280, true], [420, true], [320, true], [1280, false]]) {
  test(`staff sign in, look after a form and sign out, at ${width} px, ${script ? "with" : "without"} script`, async () => {
    const see = script ? (one, name) => at.look(one, name) : async () => {};
    const page = await at.page({ script, width });
    await page.goto(`${at.clinic}/c/worklist`);
    assert.equal(await page.textContent("h1"), "Sign in to see this page");
    await see(page, `over-${width}`);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
    assert.match(await page.textContent("header"), /Signed in as Ana Ruiz \(aruiz\)/);
    assert.match(await page.textContent("footer"), /Sign out before you leave/);
    assert.equal(await page.locator("input[name=who]").count(), 0, "nobody types a name");
    const cookie = (await page.context().cookies(at.clinic)).find((one) => one.name === "__Host-mf-clinic");
    assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite], [true, true, "Lax"]);
    await see(page, `worklist-${width}`);
    await page.getByRole("link", { name: /^Open/ }).first().click();
    await see(page, `summary-${width}`);
    const take = page.getByRole("button", { name: /^I look after this/ });
    if (await take.count()) await take.click();  // the first of them
    assert.match(await page.textContent(".urgent-note"), /Ana Ruiz \(aruiz\) looks after it/);
    await page.getByRole("link", { name: "All forms" }).click();
    assert.match(await page.textContent("main"), /Ana Ruiz \(aruiz\), /);
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.equal(await page.textContent("h1"), "You are signed out");
    await see(page, `ended-${width}`);
    await page.goto(`${at.clinic}/c/worklist`);
    assert.equal(await page.textContent("h1"), "Sign in to see this page");
    await at.leave(page);
  });
}

test("by keyboard only, and what is refused says so", async () => {
  const page = await at.page();
  await page.goto(`${at.clinic}/c/worklist`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Sign out");
  await page.goto(`${at.clinic}/staff/callback?state=00000000000000000000000000000000&code=x`);
  assert.equal(await page.textContent("h1"), "This sign-in does not fit");
  await at.look(page, "state");
  await at.leave(page);
  assert.ok(!/Patient\/|secret-access|user-1|Ana|aruiz/.test(at.log.replace(/invented patient.*/g, "")), "nobody in the log");
});
