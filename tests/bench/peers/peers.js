#!/usr/bin/env node
'use strict';
// usage: node peers.js [--runs N] [--seconds S] [--check] INPUT.json|-
//
// How many patients a second do other FHIRPath engines evaluate on the published form of our conditions? Prints JSON. The input:
//
//   { "conditions": [ { "id": "R1", "variables": "%weak = 'yes' and %lasting > 3", "response": "item.where(linkId = 'weak')..." } ],
//     "patients":   [ { "vars": { "weak": "yes", "lasting": 5, "where": ["calf"], "skipped": null },
//                       "response": { "resourceType": "QuestionnaireResponse", ... },
//                       "expected": { "R1": true } } ] }
//
// "variables" is the condition over bound variables, "response" the same over the QuestionnaireResponse; either may be
// missing, and "expression" is short for "variables" where it names a %variable, else for "response". A variable's name is
// a plain identifier, and no word of FHIRPath such as "days"; its value is a string, number, boolean, list, or null (empty: not known). "expected" (true, false,
// null for empty) is optional: with it each engine's verdicts are compared before its time is taken. A figure for an engine
// that gives other verdicts is not comparable, so "disagreements" stands beside each. --check: exit 1 when there is one.
//
// What differs between the engines: fhirpath.js gets compiled expressions and its R4 model. Medplum gets parsed expressions; it
// binds single values only, so the answers are bound as one object and %name is read as %answers.name, an absent member being
// empty. Both start from parsed JSON; reading it is not timed. One thread; wall time of whole passes over all patients.
const fs = require('fs');
const os = require('os');
const path = require('path');
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');
const medplum = require('@medplum/core');

const USAGE = 'usage: node peers.js [--runs N] [--seconds S] [--check] INPUT.json|-';
const TOKEN = /'(?:\\.|[^'\\])*'|`[^`]*`|%([A-Za-z_]\w*)/g;
const GIVEN = new Set(['resource', 'rootResource', 'context', 'ucum', 'sct', 'loinc']);  // variables of FHIRPath itself

const usesVariables = (e) => [...e.matchAll(TOKEN)].some((m) => m[1] && !GIVEN.has(m[1]));
const overOneObject = (e) => e.replace(TOKEN, (all, name) => (name && !GIVEN.has(name) ? `%answers.${name}` : all));

function expressions(conditions, over) {
  const of = (c) => c[over] || (c.expression && usesVariables(c.expression) === (over === 'variables') ? c.expression : undefined);
  return conditions.map((c) => ({ id: c.id, text: of(c) })).filter((c) => c.text);
}

const withoutNulls = (vars) => Object.fromEntries(Object.entries(vars).filter(([, v]) => v !== null));
const emptyForNull = (vars) => Object.fromEntries(Object.entries(vars).map(([k, v]) => [k, v === null ? [] : v]));

// Each engine: prepare(conditions) -> programs; bind(patient) -> what a program takes; run(program, bound) -> collection.
const ENGINES = [
  {
    name: 'fhirpath.js', package: 'fhirpath', over: 'response',
    prepare: (text) => fhirpath.compile(text, r4),
    bind: (p) => ({ input: p.response, variables: { resource: p.response } }),
    run: (program, b) => program(b.input, b.variables),
  },
  {
    name: 'fhirpath.js', package: 'fhirpath', over: 'variables',
    prepare: (text) => fhirpath.compile(text, r4),
    bind: (p) => emptyForNull(p.vars || {}),
    run: (program, variables) => program({}, variables),
  },
  {
    name: 'Medplum', package: '@medplum/core', over: 'response',
    prepare: (text) => medplum.parseFhirPath(text),
    bind: (p) => { const r = medplum.toTypedValue(p.response); return { input: [r], variables: { '%resource': r } }; },
    run: (program, b) => medplum.evalFhirPathTyped(program, b.input, b.variables),
  },
  {
    name: 'Medplum', package: '@medplum/core', over: 'variables',
    prepare: (text) => medplum.parseFhirPath(overOneObject(text)),
    bind: (p) => ({ '%answers': { type: 'BackboneElement', value: withoutNulls(p.vars || {}) } }),
    run: (program, variables) => medplum.evalFhirPathTyped(program, [], variables),
  },
];

const verdict = (collection) => {
  if (!collection.length) return null;
  const first = collection[0];
  return first !== null && typeof first === 'object' && 'value' in first ? first.value : first;
};

function compare(engine, programs, patients, bound) {
  let count = 0; const examples = [];
  patients.forEach((patient, i) => {
    for (const { id, program } of programs) {
      if (!patient.expected || !(id in patient.expected)) continue;
      let got; try { got = verdict(engine.run(program, bound[i])); } catch (e) { got = `error: ${e.message}`; }
      if (got === patient.expected[id]) continue;
      count++;
      if (examples.length < 5) examples.push({ patient: i, condition: id, expected: patient.expected[id], got });
    }
  });
  return { count, examples };
}

const median = (list) => { const s = [...list].sort((a, b) => a - b); const m = s.length >> 1; return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2; };

function pass(engine, programs, bound) {
  let results = 0;  // used, so that nothing is optimised away
  for (const b of bound) for (const { program } of programs) results += engine.run(program, b).length;
  return results;
}

function rate(engine, programs, bound, seconds) {
  const begin = process.hrtime.bigint(); let passes = 0; let elapsed = 0;
  do { pass(engine, programs, bound); passes++; elapsed = Number(process.hrtime.bigint() - begin) / 1e9; } while (elapsed < seconds);
  return (passes * bound.length) / elapsed;
}

function measure(engine, input, options) {
  const list = expressions(input.conditions, engine.over);
  const patients = input.patients.filter((p) => (engine.over === 'response' ? p.response : p.vars));
  if (!list.length || !patients.length) return null;
  const out = { engine: engine.name, over: engine.over, conditions: list.length, patients: patients.length };
  const programs = []; const refused = [];
  for (const { id, text } of list) {
    try { programs.push({ id, program: engine.prepare(text) }); } catch (e) { refused.push({ condition: id, error: String(e.message).slice(0, 200) }); }
  }
  const bound = patients.map((p) => engine.bind(p));
  // A condition that an engine cannot run is named, and left out of its time.
  const runnable = programs.filter(({ id, program }) => {
    try { for (const b of bound) engine.run(program, b); return true; } catch (e) { refused.push({ condition: id, error: String(e.message).slice(0, 200) }); return false; }
  });
  const { count, examples } = compare(engine, runnable, patients, bound);
  Object.assign(out, { run: runnable.length, refused, disagreements: count, examples });
  if (!runnable.length) return out;
  rate(engine, runnable, bound, options.seconds);  // warm
  const rates = Array.from({ length: options.runs }, () => rate(engine, runnable, bound, options.seconds));
  const round = (x) => Math.round(x * 10) / 10;
  return { ...out, patientsPerSecond: round(median(rates)), lowest: round(Math.min(...rates)), highest: round(Math.max(...rates)),
    conditionsPerSecond: round(median(rates) * runnable.length) };
}

// From the folder, because a package may not export its package.json.
const version = (name) => JSON.parse(fs.readFileSync(path.join(__dirname, 'node_modules', name, 'package.json'), 'utf8')).version;

function run(input, options) {
  if (!Array.isArray(input.conditions) || !Array.isArray(input.patients)) throw new Error('the input needs conditions and patients');
  return {
    node: process.version, cpu: os.cpus()[0] && os.cpus()[0].model, runs: options.runs, secondsPerRun: options.seconds,
    packages: Object.fromEntries([...new Set(ENGINES.map((e) => e.package))].map((p) => [p, version(p)])),
    results: ENGINES.map((e) => measure(e, input, options)).filter(Boolean),
  };
}

function main(argv) {
  const options = { runs: 5, seconds: 1, check: false }; let file;
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--runs' && Number(argv[i + 1]) >= 1) options.runs = Math.floor(Number(argv[++i]));
    else if (argv[i] === '--seconds' && Number(argv[i + 1]) > 0) options.seconds = Number(argv[++i]);
    else if (argv[i] === '--check') options.check = true;
    else if (argv[i].startsWith('--') || file) { console.error(USAGE); return 2; } else file = argv[i];
  }
  if (!file) { console.error(USAGE); return 2; }
  let out;
  try { out = run(JSON.parse(fs.readFileSync(file === '-' ? 0 : file, 'utf8')), options); } catch (e) { console.error(`${file}: ${e.message}`); return 2; }
  if (!out.results.length) { console.error(`${file}: nothing to run`); return 2; }
  console.log(JSON.stringify(out, null, 2));
  return options.check && out.results.some((r) => r.disagreements || r.refused.length) ? 1 : 0;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
module.exports = { run, overOneObject, usesVariables };
