#!/usr/bin/env node
'use strict';
// usage: node cds_service.js CONDITIONS.json   (prints its port)
//
// A plain CDS service as one writes it in Node.js: parses the call, binds the answers of the prefetched
// QuestionnaireResponse to the variables of our published conditions, runs each compiled condition through fhirpath.js and
// answers one card with the rules that fired. CONDITIONS.json is what peers_input writes. It reads answers alone: no record, no
// checks, no proposals, no explanation; so it does less than the service that it is held against (tests/bench/cards.py).
const fs = require('fs');
const http = require('http');
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

const input = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const names = Object.keys(input.patients[0].vars);
const programs = input.conditions.map(({ id, variables }) => ({ id, run: fhirpath.compile(variables, r4) }));

const variableName = (linkId) => linkId.replace(/-/g, '_');

function answersOf(items, found = new Map()) {
  for (const item of items || []) {
    const codes = [];
    for (const answer of item.answer || []) {
      if (answer.valueCoding) codes.push(answer.valueCoding.code.split('.').pop());
      else if (answer.valueInteger !== undefined || answer.valueDecimal !== undefined) found.set(`n_${variableName(item.linkId)}`, answer.valueInteger ?? answer.valueDecimal);
      answersOf(answer.item, found);
    }
    if (item.answer) found.set(variableName(item.linkId), codes.length ? codes : ['#answered']);
    answersOf(item.item, found);
  }
  return found;
}

function variablesOf(response) {
  const answers = answersOf(response.item);
  const value = (name) => {
    if (/^(a|raw)_/.test(name)) return answers.get(name.replace(/^[^_]*_/, '')) || ['#missing'];
    if (name === 'ages') return [answers.get('n_age_years')].filter((age) => age !== undefined);
    return name.startsWith('k_') ? false : answers.get(name) ?? [];
  };
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

function intakeOf(call) {
  const given = call.prefetch.intake;
  const resources = given.resourceType === 'Bundle' ? (given.entry || []).map((e) => e.resource) : [given];
  return resources.find((r) => r.resourceType === 'QuestionnaireResponse');
}

function cardsOf(call) {
  const variables = variablesOf(intakeOf(call));
  const fired = programs.filter(({ run }) => run({}, variables)[0] === true).map(({ id }) => id);
  return { cards: [{ summary: `${fired.length} rules`, indicator: 'warning', source: { label: 'peer' }, detail: fired.join(' ') }] };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = JSON.stringify(cardsOf(JSON.parse(Buffer.concat(parts))));
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
