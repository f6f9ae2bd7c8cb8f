// Our form in LHC-Forms, filled by touch with what a patient answered on our pages: its response is ours. What may differ is
// a row of the table in docs/intake.md; every other difference fails, and so does a row that no journey needs.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { BENIGN, CANARY, Clinic, LONGEST, Patient, ROOT, browser } = require("../browser/walk.js");

const RENDERER = path.join(__dirname, "node_modules", "lforms", "dist", "lforms");
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/webcomponent/styles.css"><div id="form"></div>
<script src="/webcomponent/assets/lib/zone.min.js"></script>
${["runtime", "polyfills", "main"].map((name) => `<script type="module" src="/webcomponent/${name}.js"></script>`).join("\n")}
<script defer src="/fhir/R4/lformsFHIR.min.js"></script></html>`;
const TYPES = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".png": "image/png" };

let chrome;
let clinic;
let form;
let renderer;
const met = new Set(); // differences
const asked = new Set(); // questions that somebody answered

function serve() {
  const files = http.createServer((request, answer) => {
    const file = path.join(RENDERER, path.normalize(request.url));
    const page = request.url === "/" ? PAGE : fs.existsSync(file) && fs.readFileSync(file);
    answer.writeHead(page ? 200 : 404, { "content-type": TYPES[path.extname(file)] || "text/html" }).end(page || "");
  });
  return new Promise((resolve) => { files.listen(0, "127.0.0.1", () => resolve(files)); });
}

before(async () => {
  renderer = await serve();
  clinic = await Clinic.open();
  chrome = await browser();
  form = JSON.parse(clinic.run("questionnaire"));
});
after(async () => {
  await chrome.close();
  await clinic.close();
  renderer.close();
});

// The responses that went out, the last one first.
function delivered() {
  const folder = path.join(clinic.folder, "out");
  clinic.run("deliver", "--store", clinic.store, "run", "--site", "file", "--folder", folder, "--quiet");
  const files = fs.readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name)).filter((name) => name.endsWith(".json"));
  const resources = files.flatMap((file) => {
    const content = JSON.parse(fs.readFileSync(file, "utf8"));
    return content.resourceType === "Bundle" ? content.entry.map((one) => one.resource) : [content];
  });
  fs.rmSync(folder, { recursive: true });
  return resources.filter((one) => one && one.resourceType === "QuestionnaireResponse");
}

async function onOurPages(name, says) {
  const patient = await Patient.open(chrome, clinic, { name, examines: false });
  await patient.come();
  const given = await patient.whole(() => says(patient));
  await patient.leave();
  const finished = delivered().filter((one) => one.status === "completed");
  assert.equal(finished.length, 1, "one finished response for one finished form");
  return [given, finished[0]];
}

async function inTheRenderer(given) {
  const page = await (await chrome.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  const base = `http://127.0.0.1:${renderer.address().port}/`;
  page.on("request", (request) => { if (!/^data:/.test(request.url()) && !request.url().startsWith(base)) troubles.push(`asks ${request.url()}`); });
  await page.goto(base);
  await page.waitForFunction(() => window.LForms && LForms.FHIR && LForms.Util);
  await page.evaluate((questionnaire) => LForms.Util.addFormToPage(questionnaire, "form", { fhirVersion: "R4" }), form);
  for (const [link, answer] of given) {
    if (answer === null) continue;
    if (!Array.isArray(answer)) {
      await page.locator(`[id^="${link}/"]:is(input, textarea)`).fill(answer);
      await page.keyboard.press("Tab");
      continue;
    }
    for (const code of answer) await page.locator(`label[id^="${link}/"][id$="|${link}.${code}"]`).click();
  }
  const response = await page.evaluate(() => LForms.Util.getFormFHIRData("QuestionnaireResponse", "R4"));
  await page.context().close();
  assert.deepEqual(troubles, []);
  return response;
}

// Differences by id and place. What has an id of its own is meant; "other" is not.
function* differ(ours, theirs) {
  for (const name of ["resourceType", "questionnaire", "status"]) {
    if (ours[name] !== theirs[name]) yield ["other", `${name}: ${ours[name]} | ${theirs[name]}`];
  }
  const heads = { id: "who-and-when", subject: "who-and-when", source: "who-and-when", authored: "who-and-when", identifier: "delivery", language: "language", meta: "renderer" };
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    if (["resourceType", "questionnaire", "status", "item"].includes(name)) continue;
    if (JSON.stringify(ours[name]) !== JSON.stringify(theirs[name])) yield [heads[name] || "other", name];
  }
  yield* differItems(ours.item || [], theirs.item || [], "");
}

function* differItems(ours, theirs, place) {
  const rest = [...theirs];
  for (const item of ours) {
    const at = `${place}/${item.linkId}`;
    const same = rest.findIndex((one) => one.linkId === item.linkId);
    if (same < 0) {
      yield [holdsAnswer(item) ? "other" : "passed-over", at];
      continue;
    }
    if (same > 0) yield ["other", `${at}: elsewhere`];
    const [theirItem] = rest.splice(same, 1);
    yield* differItem(item, theirItem, at);
  }
  for (const item of rest) yield ["other", `${place}/${item.linkId}: theirs alone`];
}

function* differItem(ours, theirs, at) {
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    if (name === "item") continue;
    if (JSON.stringify(sorted(ours[name])) !== JSON.stringify(sorted(theirs[name]))) {
      yield ["other", `${at}.${name}: ${JSON.stringify(ours[name])} | ${JSON.stringify(theirs[name])}`];
    }
  }
  yield* differItems(ours.item || [], theirs.item || [], at);
}

const holdsAnswer = (item) => Boolean(item.answer) || (item.item || []).some(holdsAnswer);

// The order of members says nothing in JSON.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

// Two judges: the validator of the tests, and the program.
function validates(response, name) {
  const file = path.join(clinic.folder, `${name}.json`);
  const questionnaire = path.join(clinic.folder, "form.json");
  fs.writeFileSync(file, JSON.stringify(response));
  fs.writeFileSync(questionnaire, JSON.stringify(form));
  execFileSync("node", [path.join(ROOT, "tests", "fhir-validate", "cli.js"), "--questionnaire", questionnaire, file], { encoding: "utf8" });
  clinic.run("check", file);
}

const JOURNEYS = {
  "the shortest benign one": (patient) => patient.usual(BENIGN),
  "an emergency": (patient) => patient.usual({ ...BENIGN, "em-sudden": ["face-droop"] }),
  "a weak man": (patient) => patient.usual({ ...BENIGN, "function-loss": ["grip"], "hormone-features": ["none"] }),
  "the longest one": (patient) => patient.everything(LONGEST),
};

for (const [name, says] of Object.entries(JOURNEYS)) test(`${name}: LHC-Forms gives our response`, async () => {
  const [given, ours] = await onOurPages(name, says);
  for (const [link, answer] of given) if (answer !== null) asked.add(link);
  const theirs = await inTheRenderer(given);
  validates(ours, "ours");
  validates(theirs, "theirs");
  const differences = [...differ(ours, theirs)];
  for (const [id] of differences) met.add(id);
  assert.deepEqual(differences.filter(([id]) => id === "other").map(([, place]) => place), []);
});

test("what is no row of the table is told", () => {
  const question = (linkId, ...codes) => ({ linkId, text: linkId, answer: codes.map((code) => ({ valueCoding: { code, display: code } })) });
  const of = (...item) => ({ resourceType: "QuestionnaireResponse", status: "completed", item });
  const told = (ours, theirs) => [...differ(ours, theirs)].map(([id]) => id);
  const [a, b] = [question("a", "x", "y"), question("b", "z")];
  assert.deepEqual(told(of(a, b), of(a, b)), []);
  assert.deepEqual(told(of(a, { linkId: "b", text: "b" }), of(a)), ["passed-over"]);
  for (const [ours, theirs] of [[of(a, b), of(a)], [of(a), of(a, b)], [of(a, b), of(b, a)], [of(a), of({ linkId: "a", text: "a" })],
    [of({ linkId: "a", text: "a" }), of(a)], [of(a), of(question("a", "x"))], [of(a), of(question("a", "y", "x"))],
    [of({ linkId: "g", item: [a] }), of(a)], [of(a), { ...of(a), status: "in-progress" }], [of(a), { ...of(a), encounter: {} }],
    [of(a), of({ ...a, text: "other" })]]) assert.ok(told(ours, theirs).includes("other"), JSON.stringify([ours, theirs]));
});

const questions = (items) => items.flatMap((item) => [...(["group", "display"].includes(item.type) ? [] : [item.linkId]), ...questions(item.item || [])]);

test("every question of the form was answered, and every row of the table is needed", () => {
  assert.deepEqual(questions(form.item).filter((link) => !asked.has(link)), []);
  const text = fs.readFileSync(path.join(ROOT, "docs", "intake.md"), "utf8").split("\n## The form in another renderer\n")[1].split("\n## ")[0];
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map((one) => one[1]);
  assert.deepEqual([...met].sort(), rows.sort());
});
