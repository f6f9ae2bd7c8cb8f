'use strict';
// The command: exit codes, places, NDJSON line by line.
const test = require('node:test');
const assert = require('node:assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const { good } = require('./cases.js');

const cli = path.join(__dirname, '..', 'cli.js');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fhir-validate-'));
test.after(() => fs.rmSync(folder, { recursive: true }));
const file = (name, text) => { const f = path.join(folder, name); fs.writeFileSync(f, text); return f; };
const run = (args, input) => spawnSync(process.execPath, [cli, ...args], { input, encoding: 'utf8' });

const patient = JSON.stringify(good.Patient);
const broken = JSON.stringify({ ...good.Patient, nickname: 'Al' });

test('sound input: exit 0', () => { const r = run([file('a.json', patient)]); assert.strictEqual(r.status, 0, r.stdout + r.stderr); });
test('an error is located: exit 1', () => {
  const r = run([file('a.ndjson', `${patient}\n\n${broken}\n`)]);
  assert.strictEqual(r.status, 1);
  assert.match(r.stdout, /a\.ndjson:3: error: Patient\.nickname/);
  assert.match(r.stdout, /2 resources, 1 with errors, 1 errors/);
});
test('NDJSON on standard input', () => { const r = run(['--ndjson', '-'], `${broken}\n${patient}\n`); assert.strictEqual(r.status, 1); assert.match(r.stdout, /-:1: error/); });
test('an OperationOutcome on request', () => { const r = run(['--json', file('b.json', broken)]); assert.strictEqual(JSON.parse(r.stdout).issue[0].severity, 'error'); });
test('an extension given with --extension is known, and its type held', () => {
  const url = 'http://hl7.org/fhir/StructureDefinition/given';
  const sd = file('sd.json', JSON.stringify({ resourceType: 'StructureDefinition', url, snapshot: { element: [{ id: 'Extension.value[x]', max: '1', type: [{ code: 'code' }] }] } }));
  const input = (value) => JSON.stringify({ ...good.Patient, extension: [{ url, ...value }] });
  assert.match(run([file('x.json', input({ valueCode: 'a' }))]).stdout, /unknown HL7 extension/);
  assert.doesNotMatch(run(['--extension', sd, file('x.json', input({ valueCode: 'a' }))]).stdout, /warning|error:/);
  assert.strictEqual(run(['--extension', sd, file('x.json', input({ valueBoolean: true }))]).status, 1);
});
for (const [name, args] of Object.entries({ 'no file': [], 'unknown option': ['--x', 'y'], 'missing file': [path.join(folder, 'none.json')], 'missing NDJSON': [path.join(folder, 'none.ndjson')], 'empty NDJSON': [file('empty.ndjson', '\n')] })) {
  test(`${name}: exit 2`, () => assert.strictEqual(run(args).status, 2));
}
