'use strict';
// The harness gives the verdicts that FHIRPath says, sees a wrong one, and reports a rate for each engine.
const test = require('node:test');
const assert = require('node:assert');
const path = require('path');
const { spawnSync } = require('child_process');
const { run, overOneObject, usesVariables } = require('./peers.js');

const response = (items) => ({ resourceType: 'QuestionnaireResponse', status: 'completed', item: items });
const choice = (linkId, ...codes) => ({ linkId, answer: codes.map((code) => ({ valueCoding: { system: 'urn:x', code } })) });
const coded = (linkId) => `item.where(linkId = '${linkId}').answer.value.code`;
const input = () => ({
  conditions: [
    { id: 'weak', variables: "%weak = 'yes'", response: `${coded('weak')} = 'yes'` },
    { id: 'tongue', variables: "%place contains 'tongue'", response: `${coded('place')} contains 'tongue'` },
    { id: 'any', variables: "%place.where($this = 'tongue' or $this = 'calf').exists()", response: `${coded('place')}.where($this = 'tongue' or $this = 'calf').exists()` },
    { id: 'long', variables: '%lasting > 90', response: "item.where(linkId = 'lasting').answer.value > 90" },
    { id: 'both', expression: "%weak = 'yes' and %lasting > 90" },
  ],
  patients: [
    { vars: { weak: 'yes', place: ['tongue', 'calf'], lasting: 100 },
      response: response([choice('weak', 'yes'), choice('place', 'tongue', 'calf'), { linkId: 'lasting', answer: [{ valueInteger: 100 }] }]),
      expected: { weak: true, tongue: true, any: true, long: true, both: true } },
    { vars: { weak: null, place: ['hand'], lasting: 5 },
      response: response([choice('place', 'hand'), { linkId: 'lasting', answer: [{ valueInteger: 5 }] }]),
      expected: { weak: null, tongue: false, any: false, long: false, both: false } },
    { vars: { weak: 'yes', place: ['calf'], lasting: null },
      response: response([choice('weak', 'yes'), choice('place', 'calf')]),
      expected: { weak: true, tongue: false, any: true, long: null, both: null } },
  ],
});
const quick = { runs: 3, seconds: 0.02 };

test('every engine gives the expected verdicts, and a rate', () => {
  const { results } = run(input(), quick);
  assert.deepStrictEqual(results.map((r) => `${r.engine} ${r.over}`), ['fhirpath.js response', 'fhirpath.js variables', 'Medplum response', 'Medplum variables']);
  for (const r of results) {
    assert.deepStrictEqual([r.disagreements, r.examples, r.refused], [0, [], []], JSON.stringify(r));
    assert.strictEqual(r.run, r.over === 'variables' ? 5 : 4);
    assert.ok(r.patientsPerSecond > 0 && r.lowest <= r.patientsPerSecond && r.patientsPerSecond <= r.highest);
  }
});
test('a wrong verdict is seen', () => {
  const wrong = input(); wrong.patients[0].expected.weak = false;
  for (const r of run(wrong, quick).results) { assert.strictEqual(r.disagreements, 1); assert.strictEqual(r.examples[0].condition, 'weak'); }
});
test('a condition that an engine cannot run is named and left out', () => {
  const odd = input(); odd.conditions.push({ id: 'odd', variables: '%weak =', response: 'noSuchFunction()' });
  for (const r of run(odd, quick).results) { assert.deepStrictEqual(r.refused.map((x) => x.condition), ['odd']); assert.ok(r.patientsPerSecond > 0); }
});
test('variables are told from text and from what FHIRPath itself binds', () => {
  assert.strictEqual(overOneObject("%a = '%b' and %resource.id = %c_d"), "%answers.a = '%b' and %resource.id = %answers.c_d");
  assert.ok(usesVariables('%a') && !usesVariables("item = '%a'") && !usesVariables('%resource.item'));
});
test('the command: exit codes', () => {
  const command = (args, text) => spawnSync(process.execPath, [path.join(__dirname, 'peers.js'), ...args], { input: text, encoding: 'utf8' });
  assert.strictEqual(command([]).status, 2);
  assert.strictEqual(command(['-'], '{').status, 2);
  assert.strictEqual(command(['-'], '{"conditions":[],"patients":[]}').status, 2);
  const fast = ['--runs', '1', '--seconds', '0.01', '--check', '-'];
  const good = command(fast, JSON.stringify(input()));
  assert.strictEqual(good.status, 0, good.stderr);
  assert.ok(JSON.parse(good.stdout).packages.fhirpath);
  const wrong = input(); wrong.patients[0].expected.weak = false;
  assert.strictEqual(command(fast, JSON.stringify(wrong)).status, 1);
});
