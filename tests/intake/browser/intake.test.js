// The intake as patients meet it: by touch on a small phone, by keyboard, without script. axe has nothing to say on any page.
"use strict";
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { BENIGN, BORN, Clinic, Patient, browser } = require("./walk.js");

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

test("the shortest way through, by touch at 360 x 740", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "benign" });
  await patient.come();
  assert.equal(patient.where(), "em-now", "emergencies come first");
  await patient.walk(BENIGN);
  await patient.look();
  await patient.press("Send my answers");
  assert.equal(patient.where(), "done");
  await patient.look();
  await patient.page.getByRole("link", { name: "See or print a copy" }).click();
  await patient.look();
  assert.match(await patient.page.textContent("main"), /22 November 2026/);
  // The same link later: the advice, and no second form.
  await patient.page.goto(patient.link);
  await patient.look("start again");
  await patient.press("Continue");
  await patient.bornOn(BORN);
  assert.equal(patient.where(), "done");
  await patient.leave();
});

test("an emergency interrupts at once, and the clinic sees it though the form is never finished", async () => {
  const before = clinic.urgent();
  const patient = await Patient.open(chrome, clinic, { name: "emergency" });
  await patient.come();
  await patient.answer(["none"]);
  await patient.answer(["face-droop"]);
  assert.equal(patient.where(), "stop");
  await patient.look();
  assert.match(await patient.page.textContent("h1"), /^Call 112 now$/);
  assert.match(await patient.page.textContent("main"), /One side of my face dropped/);
  assert.equal(await patient.page.getAttribute(".mf-call", "href"), "tel:112");
  const urgent = clinic.urgent();
  assert.equal(urgent.split("emergency").length, before.split("emergency").length + 1, urgent);
  // Another address does not lead round it.
  await patient.page.goto(`${clinic.base}/p/q/duration`);
  assert.equal(patient.where(), "stop");
  await patient.press("I have read this. Go on with the form.");
  assert.equal(patient.where(), "em-spreading", "and the form goes on");
  // A call today is calmer, and comes once.
  await patient.answer(["urine-change"]);
  await patient.look("stop today");
  assert.match(await patient.page.textContent("h1"), /^Call the clinic today$/);
  assert.equal(await patient.page.getAttribute(".mf-call", "href"), "tel:02079460123");
  await patient.press("I have read this. Go on with the form.");
  await patient.answer(["none"]);
  await patient.walk(BENIGN);
  await patient.look();
  await patient.press("Send my answers");
  await patient.look();
  assert.match(await patient.page.textContent("main"), /Call the emergency number now/);
  await patient.leave();
});

test("what was chosen by mistake is changed, and what no longer applies is not sent", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "change" });
  await patient.come();
  await patient.walk({ ...BENIGN, "sex-at-birth": ["female"], "pregnancy-status": ["no"], "medicine-classes": ["lithium"], "medicine-change": null,
    "medicine-list": "<b>Lithium</b> & \"more\"" });
  await patient.look();
  assert.match(await patient.page.textContent("main"), /<b>Lithium<\/b> & "more"/);
  await patient.page.getByRole("link", { name: "Change What sex were you registered as at birth?" }).click();
  await patient.answer(["male"]);
  assert.equal(patient.where(), "review");
  await patient.look("review again");
  const note = await patient.page.textContent(".mf-note");
  assert.match(note, /Are you pregnant, or did you give birth recently\?/);
  await patient.press("Send my answers");
  assert.equal(patient.where(), "done");
  await patient.leave();
});

test("errors say what to do and keep what was given", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "errors" });
  await patient.page.goto(clinic.invite());
  await patient.press("Start");
  await patient.bornOn(["31", "2", "1980"]);
  await patient.look("no such day");
  assert.equal(await patient.page.inputValue("#d"), "31");
  await patient.bornOn(["28", "Feb", "1980"]);
  await patient.look("wrong day");
  assert.match(await patient.page.title(), /^Error: /);
  await patient.bornOn(["27", "Feb", "1980"]);
  await patient.press("Continue");
  await patient.look("nothing chosen");
  assert.ok(await patient.page.locator(".mf-errors").evaluate((one) => document.activeElement === one), "the summary has the focus");
  // Two windows.
  const other = await patient.context.newPage();
  await other.goto(patient.page.url());
  await other.locator('label[for="em-now-none"]').click();
  await other.getByRole("button", { name: "Continue" }).click();
  await other.waitForURL(/em-sudden$/);
  await patient.answer(["unsure"]);
  await patient.look("changed elsewhere");
  assert.ok(await patient.page.isChecked("#em-now-unsure"), "what was given is still there");
  await patient.press("Continue");
  assert.equal(patient.where(), "stop");
  // Five wrong dates.
  const guess = await Patient.open(chrome, clinic, { name: "guess" });
  await guess.page.goto(clinic.invite());
  await guess.press("Start");
  for (let day = 1; day <= 5; ++day) await guess.bornOn([String(day), "1", "1970"]);
  await guess.look("locked");
  assert.match(await guess.page.textContent("h1"), /locked/);
  await guess.page.goto(`${clinic.base}/p/${"0".repeat(32)}`);
  await guess.look("unknown");
  await guess.leave();
  await patient.leave();
});

for (const language of ["en", "es"]) test(`by keyboard alone, in ${language}`, async () => {
  const patient = await Patient.open(chrome, clinic, { name: `keyboard-${language}`, width: 1280, height: 800 });
  patient.speak(language);
  const { page } = patient;
  // Tab to what the test names; nothing is out of reach.
  const reach = async (selector) => {
    for (let presses = 0; presses < 120; ++presses) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${patient.where()}: the keyboard does not reach ${selector}`);
  };
  await page.goto(clinic.invite("--lang", language));
  await reach("button.mf-button");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/p\/id$/);
  await reach("#d");
  for (const part of BORN) {
    await page.keyboard.type(part);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/p\/q\//);
  for (let steps = 0; patient.where() !== "review"; ++steps) {
    assert.ok(steps < 80);
    const link = patient.where();
    const given = await patient.usual(BENIGN);
    if (given === null) {
      await reach('button[name="skip"]');
    } else if (Array.isArray(given)) {
      const radio = (await page.getAttribute(`#${link}-${given[0]}`, "type")) === "radio";
      await reach(radio ? `input[name="${link}"]` : `#${link}-${given[0]}`);
      // Space takes the first one, arrows go on to the others.
      await page.keyboard.press("Space");
      for (let arrows = 0; radio && !(await page.isChecked(`#${link}-${given[0]}`)); ++arrows) {
        assert.ok(arrows < 40);
        await page.keyboard.press("ArrowDown");
      }
      await reach('button[type="submit"]:not([name])');
    } else {
      await reach(`#${link}`);
      await page.keyboard.press("Control+A");
      await page.keyboard.type(given);
      await reach('button[type="submit"]:not([name])');
    }
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  }
  await reach("form button");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(patient.where(), "done");
  await patient.leave();
});

for (const language of ["es", "ar", "zh"]) test(`every kind of page in ${language}`, async () => {
  const patient = await Patient.open(chrome, clinic, { name: language, locale: language });
  patient.speak(language);
  const { page, words } = patient;
  await patient.come(clinic.invite());
  await patient.answer(["none"]);
  await patient.answer(["face-droop"]);
  await patient.look();
  assert.match(await page.textContent("h1"), /112/);
  await patient.press(words["stop-read"]);
  await patient.answer(["urine-change"]);
  await patient.look("stop today");
  await patient.press(words["stop-read"]);
  await patient.press(words.continue);
  await patient.look("nothing chosen");
  const answers = { ...BENIGN, "em-context": ["none"], "pregnancy-status": ["no"], "medicine-classes": ["lithium"], "medicine-change": null,
    "medicine-list": "Lithium 400 mg", lifestyle: ["caffeine"], "caffeine-drinks": "3" };
  await patient.walk(answers);
  await patient.look();
  await page.locator('a[href="/p/q/sex-at-birth?back=review"]').click();
  await patient.answer(["female"]);
  assert.equal(patient.where(), "pregnancy-status");
  await patient.walk({ ...answers, "sex-at-birth": ["female"] });
  await patient.look("review again");
  await patient.press(words["review-send"]);
  await patient.look();
  await page.locator('a[href="/p/copy"]').click();
  await patient.look();
  assert.match(await page.textContent("main"), /Lithium 400 mg/);
  assert.match(await page.textContent("main"), language === "zh" ? /2026年11月22日/ : language === "es" ? /22 de noviembre de 2026/ : /22 نوفمبر 2026/);
  const guess = await Patient.open(chrome, clinic, { name: `${language}-guess`, locale: language });
  guess.speak(language);
  await guess.page.goto(clinic.invite());
  await guess.press(words["start-button"]);
  for (let day = 1; day <= 5; ++day) await guess.bornOn([String(day), "1", "1970"]);
  await guess.look("locked");
  await guess.page.goto(`${clinic.base}/p/${"0".repeat(32)}`);
  await guess.look("unknown");
  await guess.leave();
  await patient.leave();
});

for (const script of [true, false]) test(`another language keeps what was given, ${script ? "with" : "without"} script`, async () => {
  const patient = await Patient.open(chrome, clinic, { name: `switch-${script}`, script });
  const { page } = patient;
  patient.link = clinic.invite();
  await page.goto(patient.link);
  await patient.choose("es");
  await patient.look("start");
  assert.match(await page.textContent("main"), /Ningún profesional de la salud la ha revisado/);
  await patient.press(patient.words["start-button"]);
  await page.fill("#d", "27");
  await page.fill("#m", "feb");
  await patient.choose("ar");
  await patient.look("id");
  assert.equal(await page.inputValue("#m"), "feb");
  await patient.choose("en");
  await patient.bornOn(BORN);
  await page.locator('label[for="em-now-seizure"]').click();
  await page.locator('label[for="em-now-unsure"]').click();
  for (const language of ["zh", "ar", "es"]) {
    await patient.choose(language);
    await patient.look("em-now ticked");
    assert.ok(await page.isChecked("#em-now-seizure"), language);
    assert.ok(await page.isChecked("#em-now-unsure"), language);
  }
  assert.equal(clinic.urgent().includes("seizure"), false, "not sent before Continue");
  await page.locator('label[for="em-now-seizure"]').click();
  await page.locator('label[for="em-now-unsure"]').click();
  await patient.answer(["none"]);
  await patient.walk(BENIGN, "age-years");
  await page.fill("#age-years", "٤٦");
  await patient.choose("ar");
  assert.equal(await page.inputValue("#age-years"), "٤٦");
  await page.locator("#age-years").press("Enter");
  await page.waitForURL(/sex-at-birth$/);
  assert.equal(patient.where(), "sex-at-birth", "the Enter key goes on and does not change the language");
  await patient.walk({ ...BENIGN, "medicine-classes": ["lithium"], "medicine-change": null, "medicine-list": "Lithium" }, "medicine-list");
  await page.fill("#medicine-list", "Lithium\n400 mg");
  await patient.choose("zh");
  assert.equal(await page.inputValue("#medicine-list"), "Lithium\n400 mg");
  await patient.press(patient.words.continue);
  // Another device goes on in the language.
  const other = await Patient.open(chrome, clinic, { name: `switch-other-${script}`, script });
  other.speak("zh");
  await other.page.goto(patient.link);
  await other.press(other.words["start-button"]);
  await other.bornOn(BORN);
  await other.look("resumed");
  await other.walk(BENIGN);
  await other.choose("es");
  await other.look("review");
  assert.match(await other.page.textContent("main"), /46/);
  await other.press(other.words["review-send"]);
  await other.choose("ar");
  await other.look("done");
  await other.leave();
  await patient.leave();
});

test("without script, and goes on in another browser", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "plain", script: false });
  await patient.come();
  await patient.walk(BENIGN, "site-scope");
  const other = await Patient.open(chrome, clinic, { name: "plain-other", script: false });
  await other.page.goto(patient.link);
  await other.press("Start");
  await other.bornOn(BORN);
  assert.equal(other.where(), "site-scope", "the first question that is open");
  await other.walk(BENIGN);
  await other.press("Send my answers");
  assert.equal(other.where(), "done");
  await other.look();
  await other.leave();
  await patient.leave();
});

test("adaptive: what can change nothing is not asked, and the clinic is told", async () => {
  const short = await Clinic.open({ order: "adaptive" });
  try {
    const patient = await Patient.open(chrome, short, { name: "adaptive" });
    await patient.come();
    const worried = { ...BENIGN, "worry-level": ["very"], "worry-focus": ["unsure"] };
    await patient.walk(worried, "worry-focus");
    const part = await patient.page.textContent(".mf-caption");
    await patient.answer(null);
    assert.equal(patient.where(), "medicine-classes", "the four questions about mood are left out");
    const next = await patient.page.textContent(".mf-caption");
    const count = (text) => /part (\d+) of (\d+)/.exec(text).slice(1).map(Number);
    assert.deepEqual([count(next)[0] > count(part)[0], count(next)[1]], [true, count(part)[1]], `${part}, ${next}`);
    await patient.walk(worried);
    await patient.look();
    assert.match(await patient.page.textContent("main"), /Some questions were left out/);
    assert.doesNotMatch(await patient.page.textContent("main"), /nervous, anxious/);
    // Another answer brings them back, before anything can be sent.
    await patient.page.locator('a[href="/p/q/worry-level?back=review"]').click();
    await patient.answer(["quite"]);
    assert.equal(patient.where(), "review");
    await patient.page.locator('a[href="/p/q/lifestyle?back=review"]').click();
    await patient.page.locator('label[for="lifestyle-none"]').click();
    await patient.answer(["stress"]);
    assert.equal(patient.where(), "review", "still worried");
    await patient.page.locator('a[href="/p/q/worry-level?back=review"]').click();
    await patient.answer(["little"]);
    assert.equal(patient.where(), "gad2-nervous", "stress alone leads to them");
    await patient.look();
    await patient.page.locator('label[for="gad2-nervous-nearly-every-day"]').click();
    await patient.press("Continue");
    assert.equal(patient.where(), "medicine-classes", "one answer decides, and the others are left out again");
    await patient.walk({ ...worried, "medicine-classes": ["none"] });
    await patient.press("Send my answers");
    assert.equal(patient.where(), "done");
    await patient.look();
    await patient.leave();
    const staff = await (await chrome.newContext()).newPage();
    await staff.goto(`${short.base}/c/worklist`);
    await staff.locator('a[href^="/c/summary/"]').last().click();
    const summary = await staff.textContent("body");
    assert.match(summary, /Left out of the form; no answer could have changed the result: GAD-2, [^.]*PHQ-2/);
    await staff.context().close();
  } finally {
    await short.close();
  }
});

test("at 320 pixels, the longest texts do not run out of the page", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "narrow", width: 320, height: 600, examines: false });
  await patient.come();
  await patient.walk({ ...BENIGN, "site-scope": ["one-spot"], "body-sites": ["hand-left"], "medicine-classes": ["supplements"], "medicine-change": ["unsure"],
    "medicine-list": "x".repeat(300) });
  await patient.look();
  await patient.leave();
});

test("the picture of a body and the list of places are one", async () => {
  const patient = await Patient.open(chrome, clinic, { name: "picture" });
  const { page } = patient;
  await patient.come();
  await patient.walk({ ...BENIGN, "site-scope": ["several-fixed"] }, "body-sites");
  await patient.look("body-sites picture");
  const place = (code) => page.locator(`.mf-map [data-code="${code}"]`);
  const marked = () => page.locator(".mf-map .mf-on").evaluateAll((all) => [...new Set(all.map((one) => one.dataset.code))].sort());
  const ticked = () => page.locator("input:checked").evaluateAll((all) => all.map((one) => one.value).sort());
  await place("hand-left").tap();
  await place("calf-right").first().tap();
  await page.locator('label[for="body-sites-tongue"]').click();
  assert.deepEqual(await ticked(), ["calf-right", "hand-left", "tongue"]);
  assert.deepEqual(await marked(), ["calf-right", "hand-left", "tongue"]);
  await place("calf-right").last().tap();
  assert.deepEqual(await marked(), ["hand-left", "tongue"], "touched again, in either view");
  const codes = await page.locator("input[type=checkbox]").evaluateAll((all) => all.map((one) => one.value));
  for (const code of await page.locator(".mf-map [data-code]").evaluateAll((all) => all.map((one) => one.dataset.code))) assert.ok(codes.includes(code), code);
  await patient.look("body-sites marked");
  await patient.press(patient.words.continue);
  await page.goBack();
  assert.deepEqual(await marked(), ["hand-left", "tongue"], "kept");
  await patient.leave();
});
