#!/usr/bin/env node
'use strict';
// fhir-validate [--questionnaire FILE]... [--extension FILE]... [--extensible] [--warnings] [--json] [--quiet] FILE|- ...
// A FILE is a resource or Bundle in JSON, or NDJSON (its name ends in .ndjson, or --ndjson; read line by line, so of any
// size). Exit 0: no error, 1: errors, 2: usage.
const fs = require('fs');
const readline = require('readline');
const { validateText, undecided } = require('./validate.js');

const USAGE = 'usage: fhir-validate [--questionnaire FILE]... [--extension FILE]... [--extensible] [--warnings] [--json] [--quiet] [--ndjson] FILE|- ...';

function arguments_(argv) {
  const files = []; const options = { questionnaires: [], extensions: [] }; const out = {};
  for (let i = 0; i < argv.length; i++) {
    const a = argv[i];
    if ((a === '--questionnaire' || a === '--extension') && i + 1 < argv.length) options[`${a.slice(2)}s`].push(JSON.parse(fs.readFileSync(argv[++i], 'utf8')));
    else if (a === '--extensible' || a === '--warnings') options[a.slice(2)] = true;
    else if (a === '--json' || a === '--quiet' || a === '--ndjson') out[a.slice(2)] = true;
    else if (a.startsWith('--')) throw new Error(USAGE);
    else files.push(a);
  }
  if (!files.length) throw new Error(USAGE);
  return { files, options, out };
}

async function* parts(file, ndjson) {
  if (!ndjson && !file.endsWith('.ndjson')) { yield ['', fs.readFileSync(file === '-' ? 0 : file, 'utf8')]; return; }
  const input = file === '-' ? process.stdin : fs.createReadStream(file);
  await new Promise((resolve, reject) => { if (input === process.stdin) resolve(); else input.once('open', resolve).once('error', reject); });
  let line = 0;
  for await (const text of readline.createInterface({ input, crlfDelay: Infinity })) {
    line++;
    if (text.trim()) yield [`:${line}`, text];
  }
}

async function main() {
  const { files, options, out } = arguments_(process.argv.slice(2));
  let resources = 0; let failed = 0; let errors = 0; const all = [];
  for (const file of files) {
    for await (const [line, text] of parts(file, out.ndjson)) {
      const { issues } = validateText(text, options);
      const bad = issues.filter((x) => x.severity === 'error').length;
      resources++; errors += bad; if (bad) failed++;
      for (const x of issues) {
        if (out.json) all.push({ severity: x.severity, code: x.code, diagnostics: `${file}${line}: ${x.message}`, expression: [x.location] });
        else if (!out.quiet) console.log(`${file}${line}: ${x.severity}: ${x.location}: ${x.message} [${x.code}]`);
      }
    }
  }
  if (!resources) throw new Error('nothing to validate: the input is empty');
  if (out.json) {
    const issue = all.length ? all : [{ severity: 'information', code: 'informational', diagnostics: 'no issue' }];
    console.log(JSON.stringify({ resourceType: 'OperationOutcome', issue }, null, 1));
  } else {
    console.log(`${resources} resources, ${failed} with errors, ${errors} errors${undecided.size ? `, ${undecided.size} rules not decidable offline` : ''}`);
  }
  process.exitCode = errors ? 1 : 0;
}

main().catch((e) => { console.error(e.message); process.exitCode = 2; });
