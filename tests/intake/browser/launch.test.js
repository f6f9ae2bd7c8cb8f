// The clinic's pages opened from an EHR's record (SMART App Launch): in a window of their own, and in a frame of another site, with
// cookies of third parties blocked; over TLS, against a stand-in that signs and checks (tests/launch/smart_ehr.py).
"use strict";
const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const https = require("node:https");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { ROOT, examine, browser } = require("./walk.js");

const PROGRAM = process.env.MYOFLAG;
const SAMPLES = ["hand-weakness/response.xml", "critical-calcium/bundle.json"];
const at = {};

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(what, ready) {
  for (let i = 0; i < 600; ++i) {
    const found = ready();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error(`${what} does not come: ${at.log.split("\n").slice(-4).join("\n")}`);
}

before(async () => {
  at.folder = fs.mkdtempSync(path.join(os.tmpdir(), "launch-"));
  const file = (name) => path.join(at.folder, name);
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=clinic.example", "-addext",
    "subjectAltName=DNS:clinic.example,DNS:ehr.example,DNS:evil.example", "-keyout", file("tls.key"), "-out", file("tls.pem")],
  { stdio: "ignore" });
  const port = await freePort();
  at.clinic = `https://clinic.example:${port}`;
  at.ehr = spawn("python3", ["-B", path.join(ROOT, "tests", "launch", "smart_ehr.py"), file("ehr.json"), "--tls", file("tls.pem"),
    file("tls.key"), "--host", "ehr.example", "--launch-url", `${at.clinic}/smart/launch`], { stdio: ["pipe", "inherit", "inherit"] });
  await until("the EHR", () => fs.existsSync(file("ehr.json")));
  const { iss, pages } = JSON.parse(fs.readFileSync(file("ehr.json"), "utf8"));
  at.record = pages;
  const store = file("store.sqlite");
  for (const sample of SAMPLES) execFileSync(PROGRAM, ["deliver", "--store", store, "add", path.join(ROOT, "samples", sample)]);
  fs.writeFileSync(file("myoflag.yaml"), JSON.stringify({
    listen: { port, certificate: "tls.pem", key: "tls.key" }, service: { base: at.clinic },
    intake: { store, clinic: "Example Clinic", phone: "020 7946 0123", "emergency-number": "112" },
    launch: { servers: [{ iss, "client-id": "myoflag" }], "frame-ancestors": [pages] } }));
  at.log = "";
  at.process = spawn(PROGRAM, ["serve", "--demo", "--config", file("myoflag.yaml")]);
  at.process.stderr.on("data", (bytes) => { at.log += bytes; });
  await until("the program", () => /Listening on https:/.test(at.log));
  at.chrome = await browser("--host-resolver-rules=MAP *.example 127.0.0.1", "--test-third-party-cookie-phaseout");
});

after(async () => {
  await at.chrome?.close();
  at.ehr?.stdin.end();
  if (at.process) {
    const ended = new Promise((resolve) => { at.process.on("exit", resolve); });
    at.process.kill("SIGTERM");
    await ended;
  }
  fs.rmSync(at.folder, { recursive: true, force: true });
});

async function open({ script = true, width = 1280, height = 800 } = {}) {
  const context = await at.chrome.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: script, viewport: { width, height } });
  const page = await context.newPage();
  page.troubles = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (403|404)|favicon/.test(message.text())) page.troubles.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (![at.clinic, at.record].includes(url.origin)) page.troubles.push(`asks ${url.origin}`);
    if (url.origin === at.clinic && /example|Patient|secret/.test(url.pathname)) page.troubles.push(`a patient or a token in ${url}`);
  });
  return page;
}

async function leave(page) {
  await page.context().close();
  assert.deepEqual(page.troubles, []);
}

// axe and the shape of it, and a picture where they are wanted. `page`: or a frame.
async function look(page, name) {
  if (process.env.SHOTS) {
    fs.mkdirSync(process.env.SHOTS, { recursive: true });
    const whole = page.page ? page.page() : page;
    await whole.screenshot({ path: path.join(process.env.SHOTS, `launch-${name}.png`), fullPage: true });
  }
  assert.ok(!/Patient|1980/.test(await page.title()), "no patient in the title");
  await examine(page, name);
}

// Where it sends a browser that keeps no cookies.
function locationOf(address) {
  const url = new URL(address);
  return new Promise((resolve, reject) => {
    https.get({ host: "127.0.0.1", port: url.port, path: url.pathname + url.search, headers: { host: url.host },
      rejectUnauthorized: false }, (answer) => { answer.resume(); resolve(answer.headers.location); }).on("error", reject);
  });
}

const record = (patient, framed, site = at.record) => `${site}/record?patient=${patient}${framed ? "&frame=1" : ""}`;

async function frameOf(page, ready) {
  await page.locator("iframe").waitFor();
  const frame = await until("the frame", () => page.frame("form"));
  await frame.waitForURL(ready);
  await frame.waitForLoadState();
  return frame;
}

test("in a window of its own: the form, its actions, and the end of it", async () => {
  const page = await open();
  await page.goto(record("example", false));
  await page.getByRole("link", { name: "Open the form" }).click();
  await page.waitForURL(/\/c\/summary\//);
  assert.match(await page.textContent("h1"), /^Urgent: target 2 weeks/);
  assert.match(await page.textContent("header"), /Patient example of the record/);
  assert.match(await page.textContent("footer"), /for this patient only/);
  await look(page, "summary");
  const cookie = (await page.context().cookies(at.clinic)).find((one) => one.name === "__Host-mf-clinic");
  assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite], [true, true, "Lax"]);
  await page.getByRole("button", { name: "Propose Creatine kinase" }).click();
  assert.match(await page.textContent("[role=status]"), /^Proposed/);
  const form = page.url().split("?")[0];
  await page.goto(`${at.clinic}/c/worklist`);
  assert.equal(await page.textContent("h1"), "Only the patient of the record is shown");
  await look(page, "only-patient");
  await page.getByRole("link", { name: "All forms of this patient" }).click();
  await look(page, "forms");
  await page.getByRole("link", { name: /^Open form of/ }).click();
  await page.getByRole("button", { name: "Close and sign out" }).click();
  assert.equal(await page.textContent("h1"), "You are signed out");
  await look(page, "ended");
  await page.goto(form);
  assert.equal(await page.textContent("h1"), "Open this from the patient's record");
  await look(page, "over");
  await leave(page);
});

for (const script of [true, false]) {
  test(`in a frame of the record's site, ${script ? "with" : "without"} script`, async () => {
    const page = await open({ script, width: 1000 });
    await page.goto(record("example", true));
    const frame = await frameOf(page, /\/c\/summary\//);
    assert.match(await frame.textContent("h1"), /^Urgent: target 2 weeks/);
    if (script) await look(frame, "frame");
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
    await leave(page);
  });
}

test("another patient in the frame: what was open before shows nothing", async () => {
  const page = await open();
  await page.goto(record("example", true));
  const form = (await frameOf(page, /\/c\/summary\//)).url();
  await page.goto(record("nobody", true));
  const frame = await frameOf(page, /\/c\/forms/);
  assert.equal(await frame.textContent("h1"), "There is no form of this patient here");
  await look(frame, "no-forms");
  await frame.goto(form);
  assert.equal(await frame.textContent("h1"), "There is no such form");
  await leave(page);
});

test("a page of another site cannot show it in a frame", async () => {
  const page = await open();
  await page.goto(record("example", true, at.record.replace("ehr.", "evil.")));
  await until("the refusal", () => page.troubles.some((one) => /frame-ancestors/.test(one)));
  assert.ok(page.frames().every((one) => !one.url().startsWith(at.clinic)), "it is not shown");
  await page.context().close();
});

test("what is refused says why, in a frame too, and lets nobody in", async () => {
  const page = await open({ width: 420 });
  await page.goto(record("example", true));
  const frame = await frameOf(page, /\/c\/summary\//);
  for (const [name, address, title] of [
    ["state", "/smart/callback?state=00000000000000000000000000000000&code=x", "This sign-in does not fit"],
    ["unknown", "/smart/launch?iss=https://other.example/fhir&launch=x", "This record system is not set up here"]]) {
    await frame.goto(at.clinic + address);
    assert.equal(await frame.textContent("h1"), title);
    await look(frame, name);
  }
  // A victim who is led to the way back of somebody else's launch (session fixation).
  const link = await (await open()).goto(record("example", false)).then(async (answer) => /href="([^"]+)"/.exec(await answer.text())[1]);
  const authorize = await locationOf(link.replaceAll("&amp;", "&"));
  const back = await locationOf(authorize);
  assert.match(back, /\/smart\/callback\?code=/);
  const victim = await open();
  await victim.goto(back);
  assert.equal(await victim.textContent("h1"), "This sign-in does not fit");
  await victim.goto(`${at.clinic}/c/patient`);
  assert.equal(await victim.textContent("h1"), "Open this from the patient's record");
  await leave(victim);
  await leave(page);
  assert.ok(!/Patient\/|secret-access|user-1/.test(at.log.replace(/An invented patient.*/g, "")), "nothing of a patient in the log");
});
