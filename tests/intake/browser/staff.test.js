// Staff sign in to the worklist with OpenID Connect, over TLS, against a stand-in that signs and checks (tests/launch/smart_ehr.py).
"use strict";
const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { ROOT, examine, browser } = require("./walk.js");

const PROGRAM = process.env.MYOFLAG;
const at = { log: "" };

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
    if (ready()) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error(`${what} does not come: ${at.log.split("\n").slice(-4).join("\n")}`);
}

before(async () => {
  at.folder = fs.mkdtempSync(path.join(os.tmpdir(), "staff-"));
  const file = (name) => path.join(at.folder, name);
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=clinic.example", "-addext",
    "subjectAltName=DNS:clinic.example,DNS:login.example", "-keyout", file("tls.key"), "-out", file("tls.pem")], { stdio: "ignore" });
  const port = await freePort();
  at.clinic = `https://clinic.example:${port}`;
  at.provider = spawn("python3", ["-B", path.join(ROOT, "tests", "launch", "smart_ehr.py"), file("login.json"), "--tls", file("tls.pem"),
    file("tls.key"), "--host", "login.example", "--provider"], { stdio: ["pipe", "inherit", "inherit"] });
  await until("the provider", () => fs.existsSync(file("login.json")));
  const { iss, pages } = JSON.parse(fs.readFileSync(file("login.json"), "utf8"));
  at.login = pages;
  const store = file("store.sqlite");
  execFileSync(PROGRAM, ["deliver", "--store", store, "add", path.join(ROOT, "samples", "stroke-signs/response.json")]);
  fs.writeFileSync(file("myoflag.yaml"), JSON.stringify({
    listen: { port, certificate: "tls.pem", key: "tls.key" }, service: { base: at.clinic },
    intake: { store, clinic: "Example Clinic", phone: "020 7946 0123", "emergency-number": "112" },
    staff: { issuer: iss, "client-id": "myoflag", claim: "groups", value: "clinic-staff", "local-access": "off" } }));
  at.process = spawn(PROGRAM, ["serve", "--demo", "--config", file("myoflag.yaml")]);
  at.process.stderr.on("data", (bytes) => { at.log += bytes; });
  await until("the program", () => /Listening on https:/.test(at.log));
  at.chrome = await browser("--host-resolver-rules=MAP *.example 127.0.0.1");
});

after(async () => {
  await at.chrome?.close();
  at.provider?.stdin.end();
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
    if (![at.clinic, at.login].includes(url.origin)) page.troubles.push(`asks ${url.origin}`);
  });
  return page;
}

// axe and the shape of it, and a picture where they are wanted.
async function look(page, name) {
  if (process.env.SHOTS) {
    fs.mkdirSync(process.env.SHOTS, { recursive: true });
    await page.screenshot({ path: path.join(process.env.SHOTS, `staff-${name}.png`), fullPage: true });
  }
  assert.ok(!/Patient|1980|Ana/.test(await page.title()), "nobody in the title");
  await examine(page, name);
}

for (const [width, script] of [[1280, true], [420, true], [320, true], [1280, false]]) {
  test(`staff sign in, look after a form and sign out, at ${width} px, ${script ? "with" : "without"} script`, async () => {
    const see = script ? look : async () => {};
    const page = await open({ script, width });
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
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  });
}

test("by keyboard only, and what is refused says so", async () => {
  const page = await open();
  await page.goto(`${at.clinic}/c/worklist`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Sign out");
  await page.goto(`${at.clinic}/staff/callback?state=00000000000000000000000000000000&code=x`);
  assert.equal(await page.textContent("h1"), "This sign-in does not fit");
  await look(page, "state");
  assert.deepEqual(page.troubles, []);
  await page.context().close();
  assert.ok(!/Patient\/|secret-access|user-1|Ana|aruiz/.test(at.log.replace(/invented patient.*/g, "")), "nobody in the log");
});
