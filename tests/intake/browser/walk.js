// The program, a browser, and a patient who walks through the form. Every page that is seen is looked at closely.
"use strict";
const assert = require("node:assert/strict");
const { spawn, execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

const PROGRAM = process.env.MYOFLAG;
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const ROOT = path.join(__dirname, "..", "..", "..");
const NOW = "2026-11-22T09:00:00Z";
const BORN = ["27", "2", "1980"];
const CANARY = "Canary-16180";
const SMALLEST_TARGET = 44; // CSS pixels

const examined = new Set();

// What the pages say in a language, from the file that the program was built with.
function wordsOf(language) {
  const text = fs.readFileSync(path.join(ROOT, "plugin", "intake", "texts", `${language}.yaml`), "utf8");
  const words = {};
  for (const line of text.split("\n")) {
    const found = /^  ([a-z-]+): (.*)$/.exec(line);
    if (found) words[found[1]] = found[2].startsWith('"') ? JSON.parse(found[2]) : found[2];
  }
  return words;
}

async function judge(page, place) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`), [], `${place}: axe`);
}

// What holds of every page, also of those for the clinic.
async function examine(page, place) { // or a frame
  assert.equal(await page.locator("h1").count(), 1, `${place}: one heading`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${place}: scrolls sideways`);
  await judge(page, place);
}

class Clinic {
  static async open(intake = {}, sections = {}, ...options) { // more of the configuration, and of the command line
    const clinic = new Clinic();
    clinic.folder = fs.mkdtempSync(path.join(os.tmpdir(), "intake-"));
    clinic.store = path.join(clinic.folder, "store.sqlite");
    const config = path.join(clinic.folder, "myoflag.yaml");
    fs.writeFileSync(config, JSON.stringify({ service: { base: "https://cds.example" },
      intake: { store: clinic.store, clinic: "Example Clinic", phone: "020 7946 0123", "emergency-number": "112", ...intake }, ...sections }));
    clinic.process = spawn(PROGRAM, ["serve", "--demo", "--now", NOW, "--port", "0", "--config", config, ...options]);
    clinic.log = "";
    clinic.base = await new Promise((resolve, reject) => {
      clinic.process.stderr.on("data", (bytes) => {
        clinic.log += bytes;
        const found = /Listening on (http:\S+)/.exec(clinic.log);
        if (found) resolve(found[1]);
      });
      clinic.process.on("exit", () => reject(new Error(clinic.log)));
    });
    return clinic;
  }

  run(...args) {
    return execFileSync(PROGRAM, args, { encoding: "utf8", maxBuffer: 64 << 20 });
  }

  invite(...more) {
    return this.run("invite", "--store", this.store, "--base", this.base, "--now", NOW, "create", "--patient", `Patient/${CANARY}`,
      "--born", "1980-02-27", ...more).trim();
  }

  urgent() {
    return this.run("deliver", "--store", this.store, "--urgent");
  }

  async close() {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

function browser(...more) {
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...more] });
}

// One patient at one browser. `pages`: name -> how often seen; screenshots go into process.env.SHOTS when it is set.
class Patient {
  static async open(chrome, clinic, { script = true, width = 360, height = 740, examines = true, name = "", locale = "en-GB" } = {}) {
    const patient = new Patient();
    patient.context = await chrome.newContext({ viewport: { width, height }, javaScriptEnabled: script, hasTouch: true, locale });
    Object.assign(patient, { clinic, script, examines, name, seen: new Map(), bytes: 0, troubles: [] });
    patient.speak("en");
    patient.page = await patient.context.newPage();
    patient.page.on("console", (message) => {
      if (message.type() === "error" && !/status of (422|409|403|410|404)/.test(message.text())) patient.troubles.push(message.text());
    });
    patient.page.on("pageerror", (error) => patient.troubles.push(String(error)));
    patient.page.on("request", (request) => {
      if (!request.url().startsWith(clinic.base)) patient.troubles.push(`asks ${request.url()}`);
      if (request.url().includes(CANARY)) patient.troubles.push("a patient in an address");
    });
    return patient;
  }

  speak(language) {
    this.language = language;
    this.words = wordsOf(language);
  }

  // By the button at the foot of the page.
  async choose(language) {
    await this.leads(() => this.page.locator(`button[name="lang"][value="${language}"]`).click());
    this.speak(language);
  }

  // What it is a page of: the last part of its address, or what it is there for.
  where() {
    const at = new URL(this.page.url()).pathname.split("/");
    return at[2] === "q" ? at[3] : at[2].length === 32 ? "start" : at[2];
  }

  async look(label = this.where()) {
    const page = this.page;
    const count = (this.seen.get(label) || 0) + 1;
    this.seen.set(label, count);
    if (process.env.SHOTS) {
      fs.mkdirSync(process.env.SHOTS, { recursive: true });
      await page.screenshot({ path: path.join(process.env.SHOTS, `${this.name}-${String(this.seen.size).padStart(2, "0")}-${label}.png`), fullPage: true });
    }
    const place = `${this.name} ${label}`;
    assert.equal(await page.locator("h1").count(), 1, `${place}: one heading`);
    assert.ok(!(await page.content()).includes(CANARY), `${place}: names the patient`);
    if (!this.script) return;
    const facts = await page.evaluate((smallest) => ({
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      small: [...document.querySelectorAll("button, label, .mf-back, .mf-change a, .mf-input, a.mf-button")].filter((one) => {
        const box = (one.matches("label") && one.control && !one.closest(".mf-option") ? one.control : one).getBoundingClientRect();
        return box.width > 0 && (box.height < smallest || box.width < smallest);
      }).map((one) => one.outerHTML.slice(0, 80)),
    }), SMALLEST_TARGET);
    assert.equal(facts.wide, 0, `${place}: scrolls sideways`);
    assert.deepEqual(facts.small, [], `${place}: targets too small`);
    // Once for each page and width: it takes longer than all the rest.
    assert.equal(await page.getAttribute("html", "lang"), this.language, `${place}: language`);
    assert.equal(await page.getAttribute("html", "dir"), this.language === "ar" ? "rtl" : "ltr", `${place}: direction`);
    const look = `${label} ${page.viewportSize().width} ${this.language}`;
    if (!this.examines || examined.has(look)) return;
    examined.add(look);
    await judge(page, place);
  }

  // A form that the script sends leads on later than the touch, or the page says that it cannot.
  async leads(touch) {
    if (this.script) await this.page.evaluate(() => { window.isOld = true; });
    await touch();
    if (!this.script) return;
    await this.page.waitForFunction(() => !window.isOld || (document.querySelector("#offline") || {}).textContent, null, { timeout: 40_000 });
    await this.page.waitForLoadState("domcontentloaded");
  }

  async press(name) {
    await this.leads(() => this.page.getByRole("button", { name, exact: true }).click());
  }

  async come(link = this.clinic.invite()) {
    this.link = link;
    await this.page.goto(link);
    await this.look();
    await this.press(this.words["start-button"]);
    await this.look();
    await this.bornOn(BORN);
  }

  async bornOn(date) {
    for (const [id, value] of [["d", date[0]], ["m", date[1]], ["y", date[2]]]) await this.page.fill(`#${id}`, value);
    await this.press(this.words.continue);
  }

  // Answers the question at hand: codes, a text, or null to skip it.
  async answer(given) {
    const link = this.where();
    if (given === null) return this.press(this.words.skip);
    if (Array.isArray(given)) for (const code of given) await this.page.locator(`label[for="${link}-${code}"]`).click();
    else await this.page.fill(`#${link}`, given);
    return this.press(this.words.continue);
  }

  // What an untroubled patient says, unless told otherwise.
  async usual(answers) {
    const link = this.where();
    if (link in answers) return answers[link];
    if (await this.page.locator(`#${link}-none`).count()) return ["none"];
    return (await this.page.getByRole("button", { name: this.words.skip }).count()) ? null : ["unsure"];
  }

  async walk(answers, until = "review") {
    for (let steps = 0; this.where() !== until; ++steps) {
      assert.ok(steps < 80, `never comes to ${until}, is at ${this.where()}`);
      await this.look();
      await this.answer(await this.usual(answers));
    }
  }

  // What somebody says who has everything, unless told otherwise.
  async everything(answers) {
    const link = this.where();
    if (link in answers) return answers[link];
    const options = await this.page.locator(`input[name="${link}"]:not([type="text"])`).evaluateAll((all) => all
      .filter((one) => one.type === "radio" || (one.value !== "unsure" && !("exclusive" in one.dataset))).map((one) => [one.type, one.value]));
    if (!options.length) return (await this.page.locator(`textarea#${link}`).count()) ? "A word about it" : "3";
    return (options[0][0] === "radio" ? options.slice(0, 1) : options).map((one) => one[1]);
  }

  // The form to its end, with what `says` says; interruptions are read. Gives what was answered, by question.
  async whole(says) {
    const given = new Map();
    while (this.where() !== "review") {
      assert.ok(given.size < 80, `never comes to the review, is at ${this.where()}`);
      if (this.where() === "stop") {
        await this.press(this.words["stop-read"]);
        continue;
      }
      const link = this.where();
      const answer = await says();
      assert.ok(!given.has(link), `${link} is asked twice`);
      given.set(link, answer);
      await this.answer(answer);
    }
    await this.press(this.words["review-send"]);
    assert.equal(this.where(), "done", this.name);
    return given;
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.troubles, [], this.name);
  }
}

const BENIGN = { "who-answers": ["self"], "age-years": "46", "sex-at-birth": ["male"], "movement-type": ["flicker"], "site-scope": ["eyelid-only"],
  "eyelid-detail": ["lid-flutter"], duration: ["under-1-week"], course: ["better"], "worry-level": ["little"], lifestyle: ["none"] };

// With `everything`: what leads to all questions but the one that men alone are asked.
const LONGEST = { "age-years": "46", "sex-at-birth": ["female"], "site-scope": ["spreading"], duration: ["over-1-year"], course: ["slow-worse"],
  "worry-level": ["very"] };

module.exports = { BENIGN, BORN, CANARY, Clinic, LONGEST, NOW, Patient, ROOT, browser, examine, wordsOf };
