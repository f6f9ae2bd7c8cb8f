// An OpenID provider as people run one (oidc-provider of npm, certified by the OpenID Foundation), over TLS, for tests in a browser.
"use strict";
const fs = require("node:fs");
const https = require("node:https");

// `client`: its metadata. `tls`: files. Answers the issuer, a way to read what went wrong there, and a way to end it.
async function openProvider({ host, tls, client, signsOut = true }) {
  const { Provider } = await import("oidc-provider");
  const server = https.createServer({ cert: fs.readFileSync(tls.cert), key: fs.readFileSync(tls.key) });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const issuer = `https://${host}:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "myoflag", grant_types: ["authorization_code"], response_types: ["code"], ...client }],
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"] },
    conformIdTokenClaims: false,  // what was asked for by scope is in the id_token
    cookies: { keys: ["of this run"] },
    pkce: { required: () => true },
    features: { rpInitiatedLogout: { enabled: signsOut } },
    findAccount: (_, id) => ({ accountId: id,
      claims: () => ({ sub: id, name: "Ana Ruiz", preferred_username: id, groups: ["doctors", "clinic-staff"] }) }),
  });
  const troubles = [];
  for (const event of ["authorization.error", "grant.error", "end_session.error", "server_error"]) {
    provider.on(event, (_, error) => troubles.push(`${event}: ${error.error ?? error.message}`));
  }
  server.on("request", provider.callback());
  return { issuer, troubles, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}

module.exports = { openProvider };
