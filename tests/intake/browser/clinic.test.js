// The clinic's pages: worklist and summary, on a wide screen, in a side panel, on a phone, by keyboard, without script, on paper.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { Clinic, NOW, ROOT, examine, browser } = require("./walk.js");

const SAMPLES = ["hand-weakness/response.xml", "critical-calcium/bundle.json", "stroke-signs/response.json", "free-text/response.json",
  "night-cramps/bundle.xml", "not-sure/response.json"];

let clinic;
let chrome;
before(async () => {
  clinic = await Clinic.open();
  for (const sample of SAMPLES) clinic.run("deliver", "--store", clinic.store, "add", path.join(ROOT, "samples", sample), "--now", NOW);
  clinic.invite();
  chrome = await browser();
});
after(async () => {
  await chrome.close();
  await clinic.close();
});

async function open({ width = 1280, height = 800, script = true } = {}) {
  const context = await chrome.newContext({ viewport: { width, height }, javaScriptEnabled: script });
  const page = await context.newPage();
  page.troubles = [];
  page.on("console", (message) => { if (message.type() === "error" && !/status of (403|422)/.test(message.text())) page.troubles.push(message.text()); });
  page.on("request", (request) => {
    if (!request.url().startsWith(clinic.base)) page.troubles.push(`asks ${request.url()}`);
    if (/example|ines|Canary/i.test(request.url().slice(clinic.base.length))) page.troubles.push("a patient in an address");
  });
  await page.goto(`${clinic.base}/c/worklist`);
  return page;
}

async function look(page, name) {
  if (process.env.SHOTS) {
    fs.mkdirSync(process.env.SHOTS, { recursive: true });
    await page.screenshot({ path: path.join(process.env.SHOTS, `clinic-${name}.png`), fullPage: true });
  }
  assert.ok(!/Patient|1980/.test(await page.title()), "no patient in the title");
  await examine(page, name);
}

async function leave(page) {
  await page.context().close();
  assert.deepEqual(page.troubles, []);
}

// Addresses of the summaries of that patient, the most pressing first.
const addresses = (page, patient) => page.getByRole("link", { name: new RegExp(`form of patient ${patient}`) })
  .evaluateAll((all) => [...new Set(all.map((one) => one.href))]);

// What a form of the page would send, without the page.
async function post(address, fields, headers = {}) {
  const answer = await fetch(clinic.base + address, { method: "POST", redirect: "manual", body: new URLSearchParams(fields), headers });
  return [answer.status, await answer.text()];
}

function get(address, headers) {
  return new Promise((resolve, reject) => http.get(clinic.base + address, { headers }, (answer) => {
    let body = "";
    answer.on("data", (bytes) => { body += bytes; });
    answer.on("end", () => resolve([answer.statusCode, body]));
  }).on("error", reject));
}

test("worklist and summary at every width; the longest fits a screen above what is folded", async () => {
  for (const [name, width, height] of [["wide", 1280, 800], ["panel", 420, 800], ["phone", 360, 740]]) {
    const page = await open({ width, height });
    await look(page, `worklist-${name}`);
    const [, , longest] = await addresses(page, "Patient/example");
    await page.goto(longest);
    await look(page, `summary-${name}`);
    assert.match(await page.textContent("h1"), /^Urgent: target 2 weeks/);
    assert.match(await page.textContent(".why"), /Opening jars, or I drop things.*mnd-limb-pattern: ng42/s, "words, rule and source");
    assert.equal(await page.locator(":checked").count(), 0, "nothing is ticked before");
    assert.match(await page.textContent("main"), /COURSE.*Onset: .*Duration: .*WHERE.*Left calf/s, "how it went on, and where");
    assert.equal(await page.locator(".map .mf-on").count() > 0, true, "the places in the picture");
    if (name === "wide") {
      const end = await page.locator(".columns").evaluate((one) => one.getBoundingClientRect().bottom);
      assert.ok(end <= height + 100, `the longest sample ends at ${end}`);
    }
    await leave(page);
  }
});

test("what the summary tells of the course are questions of the form", () => {
  const listed = /^timeline: \[(.*)\]$/m.exec(fs.readFileSync(path.join(ROOT, "plugin", "review", "summary.yaml"), "utf8"))[1].split(", ");
  const form = fs.readFileSync(path.join(ROOT, "rules", "knowledge", "twitching", "questions.yaml"), "utf8");
  for (const linkId of listed) assert.ok(form.includes(`- linkId: ${linkId}\n`), linkId);
});

test("printed, a summary is one page", async () => {
  const page = await open();
  for (const address of await addresses(page, "Patient/example")) {
    await page.goto(address);
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
    assert.equal((pdf.match(/\/Type\s*\/Page\b/g) || []).length, 1, address);
  }
  await leave(page);
});

test("without script: a test is proposed once, a reason is kept, somebody looks after it", async () => {
  const page = await open({ script: false });
  const [, , form] = await addresses(page, "Patient/example");
  await page.goto(form);
  const hidden = { csrf: await page.inputValue("form [name=csrf] >> nth=0"), form: form.split("/").pop() };
  await page.getByRole("button", { name: "Propose Creatine kinase" }).click();
  assert.match(await page.textContent("[role=status]"), /^Proposed/);
  assert.match(await page.locator(".columns li", { hasText: /^Creatine kinase/ }).textContent(), /Proposed: on its way to the record/);
  const waiting = () => Number(/(\d+) waiting/.exec(clinic.run("deliver", "--store", clinic.store))[1]);
  const once = waiting();
  const cookie = (await page.context().cookies()).map((one) => `${one.name}=${one.value}`).join("; ");
  assert.equal((await post("/c/proposals", { ...hidden, workup: "ck" }, { cookie }))[0], 303, "the same again");
  assert.equal(waiting(), once, "and nothing twice");
  assert.equal((await post("/c/proposals", { ...hidden, workup: "no-such-test" }, { cookie }))[0], 403);
  assert.equal((await post("/c/proposals", { ...hidden, csrf: "0", workup: "emg" }, { cookie }))[0], 403);
  assert.equal((await post("/c/proposals", { ...hidden, workup: "emg" }))[0], 403, "without the cookie");
  assert.equal((await post("/c/proposals", { ...hidden, workup: "emg" }, { cookie, origin: "https://evil.example" }))[0], 403);
  assert.equal(waiting(), once);
  await page.getByRole("button", { name: "Propose all that are left" }).click();
  assert.equal(await page.getByRole("button", { name: /^Propose/ }).count(), 0);
  await page.getByText("Do you disagree?").click();
  await page.getByRole("button", { name: "Keep my reason" }).click();
  assert.match(await page.textContent("[role=status]"), /Choose a reason/);
  await page.getByLabel("Already evaluated").check();
  await page.getByRole("button", { name: "Keep my reason" }).click();
  assert.match(await page.textContent("[role=status]"), /Your reason was kept/);
  // Who was first stays.
  await page.goto(`${clinic.base}/c/worklist`);
  const before = clinic.urgent().split("\n").length;
  await page.locator("input[name=who]").first().fill("<b>Nurse</b> Ng");
  await page.getByRole("button", { name: /I look after this.*Patient\/ines/ }).click();
  assert.match(await page.textContent("main"), /<b>Nurse<\/b> Ng, 2026-11-22 09:00 UTC/);
  assert.equal(clinic.urgent().split("\n").length, before - 1);
  await leave(page);
});

test("by keyboard alone", async () => {
  const page = await open();
  const reach = async (selector) => {
    for (let presses = 0; presses < 60; ++presses) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`the keyboard does not reach ${selector}`);
  };
  await reach("a[href^='/c/summary/']");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  await reach("button[name=workup]");
  await reach("button[name=all]");
  await reach("summary");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("details[open]").count(), 1);
  await leave(page);
});

test("elsewhere, through a proxy or under another name there is a page that says why not, and nothing else", async () => {
  const page = await open({ script: false });
  const [form] = await addresses(page, "Patient/ines");
  for (const headers of [{ host: "clinic.example" }, { "x-forwarded-for": "203.0.113.9" }, { forwarded: "for=203.0.113.9" }, { via: "1.1 proxy" }]) {
    for (const address of ["/c/worklist", form.slice(clinic.base.length)]) {
      const [status, body] = await get(address, headers);
      assert.equal(status, 403);
      assert.match(body, /on the clinic&#39;s own machine only/);
      assert.ok(!body.includes("Patient/"));
    }
  }
  assert.equal((await get("/c/summary/00000000-0000-0000-0000-000000000000", {}))[0], 404);
  await page.goto(`${clinic.base}/c/summary/nothing`).catch(() => {});
  await leave(Object.assign(page, { troubles: page.troubles.filter((one) => !/404/.test(one)) }));
  assert.ok(!/Patient\/|Nurse/.test(clinic.log.replace(/--data.*/g, "")), "nothing of a patient in the log");
});
