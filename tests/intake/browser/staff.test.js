// Staff sign in to the worklist with OpenID Connect, over TLS, against a stand-in that signs and checks (tests/launch/smart_ehr.py).
"use strict";
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { OverTls } = require("./over_tls.js");
const { wordsOf, BENIGN } = require("./walk.js");

let at;

before(async () => {
  at = await OverTls.open({ name: "staff", host: "login.example", options: () => ["--provider"], samples: ["stroke-signs/response.json"],
    sections: (issuer) => ({
      staff: { issuer, "client-id": "myoflag", claim: "groups", value: "clinic-staff", "local-access": "off" } }) });
});

after(() => at?.close());

// What an untroubled patient says, by the keyboard; a family member answers.
async function benignOf(page, link) {
  const given = link === "who-answers" ? ["carer"] : BENIGN[link];
  const press = (code) => page.locator(`#${link}-${code}`).press("Space");
  if (Array.isArray(given)) for (const code of given) await press(code);
  else if (given !== undefined) await page.locator(`#${link}`).fill(given);
  else if (await page.locator(`#${link}-none`).count()) await press("none");
  else if (await page.locator(`#${link}-unsure`).count()) await press("unsure");
  else if (await page.locator(`textarea#${link}`).count()) await page.locator(`#${link}`).fill("-");
  else throw new Error(`no answer to ${link}`);
}

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

// Staff open the form of the newest invitation on this device. Gives where the browser is then.
async function open(page, who, see = async () => {}) {
  await page.goto(`${at.clinic}/c/worklist`);
  if (await page.getByRole("link", { name: "Sign in" }).count()) await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
  await page.getByRole("link", { name: /^Open here/ }).first().click();
  await see("open");
  await page.getByRole("radio", { name: who }).check();
  await page.getByRole("button", { name: "Open the form and sign out" }).click();
  await page.locator("#d").waitFor();
}

async function born(page) {
  for (const [id, value] of [["d", "27"], ["m", "2"], ["y", "1980"]]) await page.fill(`#${id}`, value);
  await page.getByRole("button", { name: wordsOf("en").continue }).click();
  await page.waitForURL(/\/p\/q\//);
}

const CLOSE = wordsOf("en")["device-finish"];

for (const script of [true, false]) {
  test(`a form on a device of the clinic, and nothing leads back to it, ${script ? "with" : "without"} script`, async () => {
    const see = script ? (name) => at.look(page, `device-${name}`) : async () => {};
    at.invite();
    const page = await at.page({ script, width: 360, height: 740 });
    await open(page, /I read the questions out/, see);
    await see("identity");
    await born(page);
    await see("question");
    assert.equal(await page.title(), wordsOf("en").service, "a history lists no question");
    await page.locator('label[for="em-now-seizure"]').click();
    await page.getByRole("button", { name: wordsOf("en").continue }).click();
    await page.waitForURL(/\/p\/stop/);
    await see("stop");
    await page.getByRole("button", { name: CLOSE }).click();
    await page.waitForURL(/\/p\/over/);
    await see("over");
    assert.equal(await page.textContent("h1"), wordsOf("en")["device-over-title"]);
    assert.deepEqual((await page.context().cookies(at.clinic)).map((one) => one.name).filter((name) => name === "__Host-mf"), []);
    // Back as often as there is something to go back to, and forward again.
    const steps = await page.evaluate(() => history.length).catch(() => 12);
    if (script) assert.ok(steps <= 8, `${steps} pages stay behind`);
    for (const way of ["goBack", "goForward"]) {
      for (let i = 0; i < 12; ++i) {
        await page[way]().catch(() => null);  // the first page of all
        const text = await page.textContent("body");
        assert.ok(!/seizure|told us|born|convulsion|Call 112 now|Forms of the last|Patient\//i.test(text), `${way} ${i}: ${page.url()}`);
      }
    }
    for (const path of ["/p/stop", "/p/q/em-now", "/p/id", "/p/review", "/p/done"]) {
      await page.goto(at.clinic + path);
      assert.equal(await page.textContent("h1"), wordsOf("en")["device-over-title"], path);
    }
    // Staff come back by proving who they are, and see who gave the answers.
    await page.getByRole("link", { name: wordsOf("en")["device-staff"] }).click();
    assert.equal(await page.textContent("h1"), "Sign in to see this page");
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
    await page.locator("tr", { hasText: "Patient/device-1" }).locator('a[href^="/c/summary/"]').first().click();
    assert.match(await page.textContent("main"), /The answers are the patient's own. Entered by Ana Ruiz \(aruiz\)/);
    await see("summary");
    await at.leave(page);
  });
}

test("the whole form on a device, by keyboard: its pages stay in no list, and the end closes too", async () => {
  at.invite();
  const page = await at.page({ width: 360, height: 740 });
  await open(page, /A family member or carer, on this device/);
  await born(page);
  const before = await page.evaluate(() => history.length);
  const words = wordsOf("en");
  for (let steps = 0; !page.url().endsWith("/p/review"); ++steps) {
    assert.ok(steps < 80, page.url());
    const link = page.url().split("/").pop();
    if (link === "who-answers") {
      assert.ok(await page.locator("#who-answers-carer").isChecked(), "what staff chose is suggested");
      await at.look(page, "device-who");
    }
    await benignOf(page, link);
    const was = page.url();
    await page.keyboard.press("Tab");
    const to = await page.locator(`button:text-is("${words.continue}")`);
    await to.focus();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => String(url) !== was);
  }
  assert.equal(await page.evaluate(() => history.length), before, "no question stays in the list of the Back button");
  await at.look(page, "device-review");
  await page.getByRole("link", { name: /Change/ }).first().click();
  await page.waitForURL(/back=review/);
  assert.equal(await page.evaluate(() => history.length), before, "nor does a link leave one");
  await page.getByRole("link", { name: words.back }).click();
  await page.waitForURL(/review$/);
  await page.getByRole("button", { name: words["review-send"] }).click();
  await page.waitForURL(/done$/);
  await at.look(page, "device-done");
  await page.locator("#finish button").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/over$/);
  await page.goBack().catch(() => null);
  assert.ok(!(await page.textContent("body")).includes(words["done-title"]));
  await at.leave(page);
});

test("nobody touches it: it says so, and closes; who touches it stays", async () => {
  at.invite();
  const page = await at.page({ width: 360, height: 740 });
  await page.clock.install();
  await open(page, /The patient, alone on this device/);
  await born(page);
  await page.clock.runFor(170_000);
  assert.equal(await page.textContent("#soon"), "");
  await page.clock.runFor(60_000);
  assert.equal(await page.textContent("#soon"), wordsOf("en")["device-soon"]);
  await at.look(page, "device-soon");
  await page.keyboard.press("Tab");
  assert.equal(await page.textContent("#soon"), "");
  await page.clock.runFor(290_000);
  assert.match(page.url(), /\/p\/q\//);
  await page.clock.runFor(11_000);
  await page.waitForURL(/over$/);
  await page.goto(`${at.clinic}/p/q/em-now`);
  assert.equal(await page.textContent("h1"), wordsOf("en")["device-over-title"]);
  await at.leave(page);
});

for (const language of ["es", "ar", "zh"]) {
  test(`a device of the clinic in ${language}`, async () => {
    at.invite("--lang", language);
    const page = await at.page({ width: 320, height: 740 });
    await open(page, /The patient with an interpreter/);
    await at.look(page, `device-identity-${language}`);
    assert.match(await page.textContent("main"), new RegExp(wordsOf(language)["device-title"].slice(0, 8)));
    await page.getByRole("button", { name: wordsOf(language)["device-finish"] }).click();
    await page.waitForURL(/over$/);
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
