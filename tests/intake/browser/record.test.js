// What a record suggests, as patients meet it: ticked, in the words of the form, confirmed or corrected.
"use strict";
const assert = require("node:assert/strict");
const http = require("node:http");
const { after, before, test } = require("node:test");
const { BENIGN, CANARY, Clinic, Patient, browser } = require("./walk.js");

const found = (...resources) => ({ resourceType: "Bundle", type: "searchset", entry: resources.map((resource) => ({ resource })) });
const of = { subject: { reference: `Patient/${CANARY}` } };
const medicine = (id, text) => ({ resourceType: "MedicationRequest", id, status: "active", intent: "order", ...of, medicationCodeableConcept: { text } });
const RECORD = {
  Patient: { resourceType: "Patient", id: CANARY, gender: "male", birthDate: "1980-02-27" },
  MedicationRequest: found(medicine("m1", "Lithium carbonate 400 mg"), medicine("m2", "Simvastatin 20 mg")),
  Condition: found({ resourceType: "Condition", id: "c1", ...of, code: { text: "Epilepsy" } }),
};

let ehr;
let clinic;
let chrome;
before(async () => {
  ehr = http.createServer((request, answer) => {
    const kind = /^\/fhir\/(\w+)/.exec(request.url)?.[1];
    const body = JSON.stringify(RECORD[kind] || { resourceType: "Bundle", type: "searchset", total: 0 });
    answer.writeHead(request.method === "GET" && kind !== "metadata" ? 200 : 503, { "Content-Type": "application/fhir+json" }).end(body);
  });
  await new Promise((resolve) => ehr.listen(0, "127.0.0.1", resolve));
  const intake = { store: "store.sqlite", prefill: "on", "prefill-wait": 5000 };
  clinic = await Clinic.open(intake, { delivery: { store: "store.sqlite", to: `http://127.0.0.1:${ehr.address().port}/fhir` } }, "--deliver");
  chrome = await browser();
});
after(async () => {
  await chrome.close();
  await clinic.close();
  ehr.close();
});

const ticked = (patient) => patient.page.locator(":checked").evaluateAll((all) => all.map((one) => one.value));

for (const script of [true, false]) {
  test(`what the record says is confirmed, corrected and reviewed, ${script ? "with" : "without"} script`, async () => {
    const patient = await Patient.open(chrome, clinic, { script, name: `record-${script}` });
    await patient.come();
    await patient.walk(BENIGN, "sex-at-birth");
    await patient.look();
    assert.deepEqual(await ticked(patient), ["male"]);
    assert.match(await patient.page.textContent("#record"), /^Your record seems to say:.*Male.*choose another answer/s);
    await patient.press("Continue");
    await patient.walk({ ...BENIGN, "site-scope": ["one-spot"] }, "medicine-classes");
    await patient.look();
    assert.deepEqual(await ticked(patient), ["statin", "lithium"]);
    assert.doesNotMatch(await patient.page.content(), /carbonate|20 mg/, "the words of the form alone");
    assert.match(await patient.page.getAttribute("fieldset", "aria-describedby"), /\brecord\b/);
    // One is wrong, one is missing.
    await patient.page.locator('label[for="medicine-classes-statin"]').click();
    await patient.answer(["ppi"]);
    await patient.walk({ ...BENIGN, "site-scope": ["one-spot"], "health-conditions": [] });
    const review = await patient.page.locator("dl > div", { hasText: "Which of these do you take" }).innerText();
    assert.match(review, /Lithium/);
    assert.match(review, /Acid reducer/);
    assert.doesNotMatch(review, /Statin|Cholesterol/i);
    await patient.page.goto(`${clinic.base}/p/q/medicine-classes?back=review`);
    assert.deepEqual(await ticked(patient), ["lithium", "ppi"], "and stays so");
    assert.equal(await patient.page.locator("#record").count(), 0);
    await patient.leave();
  });
}

test("in every language, from right to left as well", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "record-languages" });
  await patient.come();
  await patient.walk(BENIGN, "medicine-classes");
  for (const language of ["es", "ar", "zh", "en"]) {
    await patient.choose(language);
    await patient.look();
    assert.match(await patient.page.textContent("#record"), new RegExp(`^${patient.words["record-says"]}`));
    assert.deepEqual(await ticked(patient), ["statin", "lithium"]);
  }
  await patient.leave();
});
