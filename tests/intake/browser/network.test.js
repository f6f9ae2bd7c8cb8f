// A network that drops: the page says so, keeps what was entered, and sends it once it is back. Nothing stays in the browser.
"use strict";
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { BENIGN, BORN, Clinic, LONGEST, Patient, browser } = require("./walk.js");

let clinic;
let chrome;
before(async () => {
  clinic = await Clinic.open();
  chrome = await browser();
});
after(async () => {
  await chrome.close();
  await clinic.close();
});

const WAIT = { timeout: 40_000 };

async function open(options) {
  const patient = await Patient.open(chrome, clinic, options);
  // What a network that is cut brings is no trouble here.
  patient.forgives = () => { patient.troubles = patient.troubles.filter((one) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_CONNECTION|status of 50/.test(one)); };
  patient.line = () => patient.page.locator("#offline");
  return patient;
}

async function says(patient, ...names) {
  const texts = names.map((name) => patient.words[name].replace("{number}", "112"));
  const plain = (text) => text.replace(/[\u2066-\u2069]/g, "");
  await patient.page.waitForFunction((many) => {
    const text = document.querySelector("#offline").textContent.replace(/[\u2066-\u2069]/g, "");
    return many.every((one) => text.includes(one));
  }, texts.map(plain), WAIT);
}

async function stored(page) {
  return page.evaluate(async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length,
    document.cookie]);
}

for (const language of ["en", "es", "ar", "zh"]) test(`cut and back, in ${language}`, async () => {
  const patient = await open({ name: `network-${language}`, locale: language });
  patient.speak(language);
  const { page, context } = patient;
  await patient.come(clinic.invite("--lang", language));
  await context.setOffline(true);
  await says(patient, "offline");
  await page.locator('label[for="em-now-none"]').click();
  await patient.press(patient.words.continue);
  await says(patient, "offline", "offline-waiting");
  assert.equal(patient.where(), "em-now");
  assert.ok(await page.isChecked("#em-now-none"), "what was chosen is still there");
  await patient.look("offline");
  assert.deepEqual(await stored(page), [0, 0, 0, 0, ""], "nothing is left in the browser");
  await context.setOffline(false);
  await page.waitForURL(/em-sudden$/, WAIT);
  await patient.look();
  patient.forgives();
  await patient.leave();
});

test("what is changed while the network is away is sent only when its button is pressed", async () => {
  const patient = await open({ name: "network-change" });
  const { page, context } = patient;
  await patient.come();
  await patient.walk(BENIGN, "age-years");
  await context.setOffline(true);
  await page.fill("#age-years", "45");
  await patient.press("Continue");
  await says(patient, "offline-waiting");
  await page.fill("#age-years", "4");
  await says(patient, "offline-changed");
  await context.setOffline(false);
  await page.waitForTimeout(3_000);
  assert.equal(patient.where(), "age-years", "not sent half typed");
  assert.equal(await page.textContent("#offline"), "", "and nothing says that there is no network");
  await page.fill("#age-years", "46");
  await patient.press("Continue");
  await page.waitForURL(/sex-at-birth$/, WAIT);
  patient.forgives();
  await patient.leave();
});

// A reply that waits until it is let go: `how` is asked for it then. The answer reached the clinic before.
async function delayed(page, address, how) {
  const held = { posts: [] };
  await page.route(address, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    held.posts.push(route.request().postData());
    if (held.posts.length !== (held.which || 1)) return route.continue();
    await new Promise((resolve) => { held.go = resolve; });
    return how(route);
  });
  held.arrived = async () => { while (!held.go) await new Promise((resolve) => setTimeout(resolve, 20)); };
  return held;
}

const succeeds = async (route) => route.fulfill({ response: await route.fetch({ maxRedirects: 0 }) });
const fails = (route) => route.abort("connectionreset");

for (const [outcome, how, retried] of [["arrives", succeeds, false], ["fails", fails, false], ["arrives", succeeds, true], ["fails", fails, true]]) {
  test(`what is changed while ${retried ? "a retry" : "the first try"}, which ${outcome}, is under way waits for its button`, async () => {
    const patient = await open({ name: `network-flight-${outcome}-${retried}` });
    const { page } = patient;
    await patient.come();
    await patient.walk(BENIGN, "age-years");
    const held = await delayed(page, "**/p/q/age-years", how);
    if (retried) {
      held.which = 2;
      await page.route("**/p/q/age-years", fails, { times: 1 });
      held.posts.push("the first");
    }
    await page.fill("#age-years", "45");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await held.arrived();
    await page.fill("#age-years", "46");
    await says(patient, "offline-changed");
    held.go();
    await page.waitForTimeout(4_000);
    assert.equal(patient.where(), "age-years", "nobody is taken away from what is being changed");
    assert.equal(await page.inputValue("#age-years"), "46");
    assert.equal(held.posts.length, retried ? 2 : 1, "nothing is sent unasked");
    await says(patient, ...(how === fails ? ["offline"] : []), "offline-changed");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.waitForURL(/sex-at-birth$/, WAIT);
    await page.goto(`${clinic.base}/p/q/age-years`);
    assert.equal(await page.inputValue("#age-years"), "46", "kept as it was changed");
    patient.forgives();
    await patient.leave();
  });
}

test("what is pressed anew while the reply to the first is under way is what counts", async () => {
  const patient = await open({ name: "network-anew" });
  const { page } = patient;
  await patient.come();
  await patient.walk(BENIGN, "age-years");
  const held = await delayed(page, "**/p/q/age-years", fails);
  await page.fill("#age-years", "45");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await held.arrived();
  await page.fill("#age-years", "46");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await page.waitForURL(/sex-at-birth$/, WAIT);
  held.go();
  await page.goto(`${clinic.base}/p/q/age-years`);
  assert.equal(await page.inputValue("#age-years"), "46");
  patient.forgives();
  await patient.leave();
});

// A network with a page to log in, a proxy with its own words.
test("an answer of somebody else than the program leads nowhere, one of the program does", async () => {
  const patient = await open({ name: "network-proxy" });
  const { page } = patient;
  await patient.come();
  const others = [{ status: 200, contentType: "text/html", body: "<h1>Log in to this network</h1>" }, { status: 403, body: "Forbidden" },
    { status: 429, body: "Slow down" }];
  await page.route("**/p/q/em-now", (route) => {
    const other = route.request().method() === "POST" ? others.shift() : null;
    return other ? route.fulfill(other) : route.continue();
  });
  await patient.answer(["none"]);
  await says(patient, "offline-waiting");
  await page.waitForURL(/em-sudden$/, WAIT);
  assert.equal(others.length, 0);
  // Ours: an error page is shown.
  await page.evaluate(() => { document.forms[0].elements.csrf.value = "another"; });
  await patient.answer(["none"]);
  await page.waitForFunction(() => !document.querySelector("form[data-keep]"), null, WAIT);
  assert.equal(await page.locator("h1").count(), 1);
  patient.troubles = patient.troubles.filter((one) => !/status of 429/.test(one));
  patient.forgives();
  await patient.leave();
});

// The answer reaches the clinic, the reply does not reach the page.
test("cut while it is sent: kept once, and the form goes on", async () => {
  const patient = await open({ name: "network-flight" });
  const { page } = patient;
  await patient.come();
  await patient.answer(["none"]);
  await page.waitForURL(/em-sudden$/);
  const before = clinic.urgent();
  let cuts = 2;
  await page.route("**/p/q/em-sudden", async (route) => {
    if (route.request().method() !== "POST" || cuts === 0) return route.continue();
    --cuts;
    await route.fetch({ maxRedirects: 0 });
    return route.abort("connectionreset");
  });
  await patient.answer(["face-droop"]);
  await says(patient, "offline-waiting");
  await page.waitForURL(/stop$/, WAIT);
  assert.equal(cuts, 0);
  assert.equal(clinic.urgent().split("emergency").length, before.split("emergency").length + 1, "escalated once");
  await patient.look();
  await patient.press(patient.words["stop-read"]);
  await page.waitForURL(/em-spreading$/);
  // The end of the form, in the same way.
  await patient.walk(BENIGN);
  cuts = 1;
  await page.route("**/p/submit", async (route) => {
    if (cuts === 0) return route.continue();
    --cuts;
    await route.fetch({ maxRedirects: 0 });
    return route.abort("connectionreset");
  });
  await patient.press(patient.words["review-send"]);
  await page.waitForURL(/done$/, WAIT);
  await patient.look();
  patient.forgives();
  await patient.leave();
});

test("a request that hangs is given up and sent again, and a proxy without a program behind it is no answer", async () => {
  const patient = await open({ name: "network-hangs" });
  const { page } = patient;
  await patient.come();
  let tries = 0;
  await page.route("**/p/q/em-now", async (route) => {
    if (route.request().method() !== "POST" || ++tries > 2) return route.continue();
    if (tries === 1) return undefined; // never answered
    return route.fulfill({ status: 502, body: "Bad Gateway" });
  });
  await patient.answer(["none"]);
  await says(patient, "offline-waiting");
  await page.waitForURL(/em-sudden$/, WAIT);
  assert.equal(tries, 3);
  patient.forgives();
  await patient.leave();
});

test("a wrong date of birth counts once, and waits for the network as well", async () => {
  const patient = await open({ name: "network-born" });
  const { page, context } = patient;
  await page.goto(clinic.invite());
  await patient.press("Start");
  for (let day = 1; day <= 4; ++day) {
    await patient.bornOn([String(day), "1", "1970"]);
    await page.waitForSelector(".mf-errors");
    assert.match(await page.textContent("h1"), /date of birth/, `not locked after ${day}`);
  }
  await context.setOffline(true);
  await patient.bornOn(BORN);
  await says(patient, "offline-waiting");
  assert.equal(await page.inputValue("#y"), BORN[2]);
  await context.setOffline(false);
  await page.waitForURL(/em-now$/, WAIT);
  patient.forgives();
  await patient.leave();
});

test("errors, the skip button, another language and another window go on as before", async () => {
  const patient = await open({ name: "network-rest" });
  const { page } = patient;
  await patient.come();
  await patient.press("Continue");
  await page.waitForSelector(".mf-errors");
  assert.match(await page.title(), /^Error: /);
  const other = await patient.context.newPage();
  await other.goto(page.url());
  await other.locator('label[for="em-now-none"]').click();
  await other.getByRole("button", { name: "Continue" }).click();
  await other.waitForURL(/em-sudden$/);
  await patient.answer(["unsure"]);
  await page.waitForSelector(".mf-errors");
  assert.ok(await page.isChecked("#em-now-unsure"));
  await patient.choose("es");
  await page.waitForFunction(() => document.documentElement.lang === "es");
  assert.ok(await page.isChecked("#em-now-unsure"));
  await patient.leave();
});

test("without script the browser sends the form, and loses nothing that was saved", async () => {
  const patient = await open({ name: "network-plain", script: false });
  const { page, context } = patient;
  await patient.come();
  await patient.answer(["none"]);
  assert.equal(patient.where(), "em-sudden");
  assert.equal(await page.textContent("#offline"), "", "nothing is said that is not so");
  await context.setOffline(true);
  await page.locator('label[for="em-sudden-none"]').click();
  await patient.press("Continue").catch(() => {});
  await context.setOffline(false);
  await page.goto(`${clinic.base}/p/q/em-sudden`);
  await patient.answer(["none"]);
  assert.equal(patient.where(), "em-spreading");
  patient.forgives();
  await patient.leave();
});

// What came over the wire, heads and redirects included, and how many requests.
async function scales(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const weight = { bytes: 0, requests: 0 };
  session.on("Network.requestWillBeSent", (event) => {
    weight.requests += 1;
    if (event.redirectResponse) weight.bytes += event.redirectResponse.encodedDataLength;
  });
  session.on("Network.loadingFinished", (event) => { weight.bytes += event.encodedDataLength; });
  return weight;
}

test("the first page weighs at most 12 kB in at most 5 requests, and the script of the others 4 kB", async (run) => {
  const context = await chrome.newContext();
  const page = await context.newPage();
  const weight = await scales(page);
  await page.goto(clinic.invite(), { waitUntil: "networkidle" });
  run.diagnostic(`${weight.requests} requests, ${weight.bytes} bytes`);
  assert.ok(weight.bytes > 2_000 && weight.bytes <= 12_000, `${weight.bytes} bytes`);
  assert.ok(weight.requests <= 5, `${weight.requests} requests`);
  weight.bytes = 0;
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForLoadState("networkidle");
  assert.ok(weight.bytes <= 12_000, `${weight.bytes} bytes of the second page`);
  const source = await page.evaluate(async () => (await (await fetch(document.querySelector('script[src*="keep"]').src)).text()).length);
  assert.ok(source <= 4_096, `${source} bytes of script`);
  await context.close();
});

for (const [name, most, says] of [["shortest", 45_000, (patient) => patient.usual(BENIGN)], ["longest", 90_000, (patient) => patient.everything(LONGEST)]]) {
  test(`the ${name} way through weighs at most ${most / 1_000} kB`, async (run) => {
    const patient = await open({ name: `weight-${name}`, examines: false });
    const weight = await scales(patient.page);
    await patient.come();
    const given = await patient.whole(() => says(patient));
    await patient.page.waitForLoadState("networkidle");
    run.diagnostic(`${given.size} questions, ${weight.requests} requests, ${weight.bytes} bytes`);
    assert.ok(weight.bytes <= most, `${weight.bytes} bytes for ${given.size} questions`);
    await patient.leave();
  });
}
