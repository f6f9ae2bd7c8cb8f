// Staff sign in and out at a provider as people run one, with a secret: what it refuses, and what it does when they leave.
"use strict";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { OverTls } = require("./over_tls.js");
const { openProvider } = require("./provider.js");

const SECRET = "s3cret: 100%+1&x=y";
const SIGNED_OUT = "/staff/signed-out";

// `client`: what the provider knows of us besides our addresses. `staff`: of our configuration.
async function open({ client, staff = {}, secret = SECRET, signsOut = true, returns = SIGNED_OUT }) {
  return OverTls.open({ name: "provider", host: "localhost", samples: ["stroke-signs/response.json"],
    environment: { MYOFLAG_TEST_SECRET: secret },
    provider: (clinic, tls) => openProvider({ host: "localhost", tls, signsOut, client: { redirect_uris: [`${clinic}/staff/callback`],
      post_logout_redirect_uris: [clinic + returns], ...client } }),
    sections: (issuer) => ({ launch: { ca: "tls.pem" },
      staff: { issuer, "client-id": "myoflag", claim: "groups", value: "clinic-staff", "local-access": "off", ...staff } }) });
}

// By its own pages: a name, any password, and that we may know it.
async function signIn(at, page) {
  await page.goto(`${at.clinic}/c/worklist`);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.locator("input[name=login]").fill("aruiz");
  await page.locator("input[name=password]").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

// The provider's own pages are not ours to judge.
function ours(page, at) {
  page.troubles = page.troubles.filter((one) => one.includes(at.clinic));
}

for (const [method, script] of [["client_secret_basic", true], ["client_secret_post", false], ["none", true]]) {
  test(`in and out with ${method}, ${script ? "with" : "without"} script`, async () => {
    const has = method !== "none";
    const at = await open({ client: { token_endpoint_auth_method: method, ...(has ? { client_secret: SECRET } : {}) },
      staff: has ? { "client-secret": "MYOFLAG_TEST_SECRET", "client-secret-method": method } : {} });
    try {
      const page = await at.page({ script });
      await signIn(at, page);
      await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
      assert.match(await page.textContent("header"), /Signed in as Ana Ruiz \(aruiz\)/);
      await page.getByRole("button", { name: "Sign out" }).click();
      // The provider asks; our session is over by then.
      await page.getByRole("button", { name: "Yes, sign me out" }).waitFor();
      assert.equal(new URL(page.url()).origin, at.pages);
      const other = await page.context().newPage();
      await other.goto(`${at.clinic}/c/worklist`);
      assert.equal(await other.textContent("h1"), "Sign in to see this page");
      await other.close();
      await page.getByRole("button", { name: "Yes, sign me out" }).click();
      await page.waitForURL(`${at.clinic}${SIGNED_OUT}?state=*`);
      assert.equal(await page.textContent("h1"), "You are signed out");
      if (script) await at.look(page, "signed-out");
      // There, too: it asks who one is.
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.locator("input[name=login]").waitFor();
      assert.deepEqual(at.provider.troubles, []);
      assert.ok(!/aruiz|Ana|100%|eyJ/.test(at.log), "nobody and no token in the log");
      ours(page, at);
      await at.leave(page);
    } finally {
      await at.close();
    }
  });
}

// It takes a secret in either way; the stand-in of tests/launch does not.
test("a wrong secret, and none", async () => {
  for (const [secret, method] of [["another", "client_secret_basic"], ["another", "client_secret_post"], ["", ""]]) {
    const at = await open({ secret, client: { token_endpoint_auth_method: method || "client_secret_basic", client_secret: SECRET },
      staff: method ? { "client-secret": "MYOFLAG_TEST_SECRET", "client-secret-method": method } : {} });
    try {
      const page = await at.page();
      await signIn(at, page);
      await page.getByRole("heading", { name: "Signing in does not work now" }).waitFor();
      await at.until("the log", () => /MF-4274: the token of staff: status 40[01], invalid_client/.test(at.log));
      assert.ok(!secret || !at.log.includes(secret), "no secret in the log");
      await page.goto(`${at.clinic}/c/worklist`);
      assert.equal(await page.textContent("h1"), "Sign in to see this page");
    } finally {
      await at.close();
    }
  }
});

test("a provider without a way out, one that is down, and one that does not know the way back", async () => {
  const client = { token_endpoint_auth_method: "client_secret_basic", client_secret: SECRET };
  const staff = { "client-secret": "MYOFLAG_TEST_SECRET" };
  const leave = async (at, page) => {
    await signIn(at, page);
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    const kept = await page.context().cookies(at.clinic);
    return kept.filter((one) => one.name === "__Host-mf-clinic").length;
  };
  const stillOut = async (at, page) => {
    const other = await page.context().newPage();
    await other.goto(`${at.clinic}/c/worklist`);
    assert.equal(await other.textContent("h1"), "Sign in to see this page");
  };
  let at = await open({ client, staff, signsOut: false });
  try {
    const page = await at.page();
    assert.equal(await leave(at, page), 1);
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.equal(await page.textContent("h1"), "You are signed out");
    assert.match(await page.textContent("main"), /not from the system that you signed in with/);
    await stillOut(at, page);
  } finally {
    await at.close();
  }
  at = await open({ client, staff });
  try {
    const page = await at.page({ script: false });
    assert.equal(await leave(at, page), 1);
    await at.provider.close();
    const failed = page.waitForEvent("requestfailed");
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.match((await failed).url(), /^https:\/\/localhost:\d+\/session\/end\?id_token_hint=/);
    await stillOut(at, page);
  } finally {
    await at.close();
  }
  at = await open({ client, staff, returns: "/elsewhere" });
  try {
    const page = await at.page();
    assert.equal(await leave(at, page), 1);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("post_logout_redirect_uri not registered").waitFor();
    await stillOut(at, page);
  } finally {
    await at.close();
  }
});

// Whoever holds the device next comes in by no sign-in of theirs: not by what began before, not without the prompt, not without cookies.
test("a device that staff gave to a patient", async () => {
  const at = await open({ client: { token_endpoint_auth_method: "client_secret_basic", client_secret: SECRET },
    staff: { "client-secret": "MYOFLAG_TEST_SECRET" } });
  try {
    at.invite();
    const page = await at.page();
    const tab = await page.context().newPage();  // in which somebody is on the way in
    await tab.goto(`${at.clinic}/staff/sign-in`);
    await tab.locator("input[name=login]").waitFor();
    await signIn(at, page);
    await page.getByRole("heading", { name: "Forms before appointments" }).waitFor();
    await page.getByRole("link", { name: /^Open here/ }).first().click();
    await page.getByRole("radio").first().check();
    await page.getByRole("button", { name: "Open the form and sign out" }).click();
    await page.locator("#d").waitFor();
    const prove = async () => {
      await tab.locator("input[name=login]").fill("aruiz");
      await tab.locator("input[name=password]").fill("any");
      await tab.getByRole("button", { name: "Sign-in" }).click();
      const more = tab.getByRole("button", { name: "Continue" });
      await more.or(tab.locator("main h1")).first().waitFor();
      if (await more.count()) await more.click();
      await tab.locator("main h1").waitFor();
    };
    await prove();
    assert.equal(await tab.textContent("h1"), "This sign-in does not fit");
    // The provider asks for the password, and where nothing has it ask it does not.
    const asked = [];
    tab.on("request", (request) => { if (request.url().includes("/auth?")) asked.push(new URL(request.url())); });
    await tab.goto(`${at.clinic}/staff/sign-in`);
    await tab.locator("input[name=password]").waitFor();
    assert.deepEqual([asked[0].searchParams.get("prompt"), asked[0].searchParams.get("max_age")], ["login", "0"]);
    for (const name of ["prompt", "max_age"]) asked[0].searchParams.delete(name);
    const heading = async (address) => {
      await tab.goto(address);
      return tab.textContent("h1");
    };
    assert.equal(await heading(String(asked[0])), "Sign in once more");
    // Without our cookies nobody knows the device, but the sign-in.
    await page.context().clearCookies({ domain: "clinic.example" });
    assert.equal(await heading(`${at.clinic}/staff/sign-in`), "Sign in once more");
    assert.equal(await heading(`${at.clinic}/c/worklist`), "Sign in to see this page");
    // The device is known again, and who has the password comes in.
    await tab.goto(`${at.clinic}/staff/sign-in`);
    await prove();
    assert.equal(await tab.textContent("h1"), "Forms before appointments");
    assert.deepEqual(at.provider.troubles, []);
    assert.ok(!/aruiz|Ana|eyJ/.test(at.log), "nobody and no token in the log");
  } finally {
    await at.close();
  }
});
