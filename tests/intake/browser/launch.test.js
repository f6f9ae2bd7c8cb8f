// The clinic's pages opened from an EHR's record (SMART App Launch): in a window of their own, and in a frame of another site, with
// cookies of third parties blocked; over TLS, against a stand-in that signs and checks (tests/launch/smart_ehr.py).
"use strict";
const assert = require("node:assert/strict");
const https = require("node:https");
const { after, before, test } = require("node:test");
const { OverTls } = require("./over_tls.js");

let at;

before(async () => {
  at = await OverTls.open({ name: "launch", host: "ehr.example", more: ["evil.example"],
    options: (clinic) => ["--launch-url", `${clinic}/smart/launch`], samples: ["hand-weakness/response.xml", "critical-calcium/bundle.json"],
    sections: (iss, pages) => ({ launch: { servers: [{ iss, "client-id": "myoflag" }], "frame-ancestors": [pages] } }),
    switches: ["--test-third-party-cookie-phaseout"] });
});

after(() => at?.close());

// Where it sends a browser that keeps no cookies.
function locationOf(address) {
  const url = new URL(address);
  return new Promise((resolve, reject) => {
    https.get({ host: "127.0.0.1", port: url.port, path: url.pathname + url.search, headers: { host: url.host },
      rejectUnauthorized: false }, (answer) => { answer.resume(); resolve(answer.headers.location); }).on("error", reject);
  });
}

const record = (patient, framed, site = at.pages) => `${site}/record?patient=${patient}${framed ? "&frame=1" : ""}`;

async function frameOf(page, ready) {
  await page.locator("iframe").waitFor();
  const frame = await at.until("the frame", () => page.frame("form"));
  await frame.waitForURL(ready);
  await frame.waitForLoadState();
  return frame;
}

test("in a window of its own: the form, its actions, and the end of it", async () => {
  const page = await at.page();
  await page.goto(record("example", false));
  await page.getByRole("link", { name: "Open the form" }).click();
  await page.waitForURL(/\/c\/summary\//);
  assert.match(await page.textContent("h1"), /^Urgent: target 2 weeks/);
  assert.match(await page.textContent("header"), /Patient example of the record/);
  assert.match(await page.textContent("footer"), /for this patient only/);
  await at.look(page, "summary");
  const cookie = (await page.context().cookies(at.clinic)).find((one) => one.name === "__Host-mf-clinic");
  assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite], [true, true, "Lax"]);
  await page.getByRole("button", { name: "Propose Creatine kinase" }).click();
  assert.match(await page.textContent("[role=status]"), /^Proposed/);
  const form = page.url().split("?")[0];
  await page.goto(`${at.clinic}/c/worklist`);
  assert.equal(await page.textContent("h1"), "Only the patient of the record is shown");
  await at.look(page, "only-patient");
  await page.getByRole("link", { name: "All forms of this patient" }).click();
  await at.look(page, "forms");
  await page.getByRole("link", { name: /^Open form of/ }).click();
  await page.getByRole("button", { name: "Close and sign out" }).click();
  assert.equal(await page.textContent("h1"), "You are signed out");
  await at.look(page, "ended");
  await page.goto(form);
  assert.equal(await page.textContent("h1"), "Open this from the patient's record");
  await at.look(page, "over");
  await at.leave(page);
});

for (const script of [true, false]) {
  test(`in a frame of the record's site, ${script ? "with" : "without"} script`, async () => {
    const page = await at.page({ script, width: 1000 });
    await page.goto(record("example", true));
    const frame = await frameOf(page, /\/c\/summary\//);
    assert.match(await frame.textContent("h1"), /^Urgent: target 2 weeks/);
    if (script) await at.look(frame, "frame");
    await frame.getByRole("button", { name: /^Propose/ }).first().click();
    await frame.waitForURL(/said=proposed/);
    assert.match(await frame.textContent("[role=status]"), /^Proposed/);
    // The cookie is of no use outside the frame: neither in a window of its own nor below another site.
    const form = frame.url().split("?")[0];
    const other = await page.context().newPage();
    await other.goto(form);
    assert.equal(await other.textContent("h1"), "Open this from the patient's record");
    await other.close();
    await frame.getByRole("button", { name: "Close and sign out" }).click();
    await frame.waitForURL(/\/c\/end/);
    assert.equal(await frame.textContent("h1"), "You are signed out");
    await at.leave(page);
  });
}

test("another patient in the frame: what was open before shows nothing", async () => {
  const page = await at.page();
  await page.goto(record("example", true));
  const form = (await frameOf(page, /\/c\/summary\//)).url();
  await page.goto(record("nobody", true));
  const frame = await frameOf(page, /\/c\/forms/);
  assert.equal(await frame.textContent("h1"), "There is no form of this patient here");
  await at.look(frame, "no-forms");
  await frame.goto(form);
  assert.equal(await frame.textContent("h1"), "There is no such form");
  await at.leave(page);
});

test("a page of another site cannot show it in a frame", async () => {
  const page = await at.page();
  await page.goto(record("example", true, at.pages.replace("ehr.", "evil.")));
  await at.until("the refusal", () => page.troubles.some((one) => /frame-ancestors/.test(one)));
  assert.ok(page.frames().every((one) => !one.url().startsWith(at.clinic)), "it is not shown");
  await page.context().close();
});

test("what is refused says why, in a frame too, and lets nobody in", async () => {
  const page = await at.page({ width: 420 });
  await page.goto(record("example", true));
  const frame = await frameOf(page, /\/c\/summary\//);
  for (const [name, address, title] of [
    ["state", "/smart/callback?state=00000000000000000000000000000000&code=x", "This sign-in does not fit"],
    ["unknown", "/smart/launch?iss=https://other.example/fhir&launch=x", "This record system is not set up here"]]) {
    await frame.goto(at.clinic + address);
    assert.equal(await frame.textContent("h1"), title);
    await at.look(frame, name);
  }
  // A victim who is led to the way back of somebody else's launch (session fixation).
  const link = await (await at.page()).goto(record("example", false)).then(async (answer) => /href="([^"]+)"/.exec(await answer.text())[1]);
  const authorize = await locationOf(link.replaceAll("&amp;", "&"));
  const back = await locationOf(authorize);
  assert.match(back, /\/smart\/callback\?code=/);
  const victim = await at.page();
  await victim.goto(back);
  assert.equal(await victim.textContent("h1"), "This sign-in does not fit");
  await victim.goto(`${at.clinic}/c/patient`);
  assert.equal(await victim.textContent("h1"), "Open this from the patient's record");
  await at.leave(victim);
  await at.leave(page);
  assert.ok(!/Patient\/|secret-access|user-1/.test(at.log.replace(/An invented patient.*/g, "")), "nothing of a patient in the log");
});
