// The clinic's pages over TLS beside a stand-in for an EHR or a provider of identities (tests/launch/smart_ehr.py), or a provider that
// the test brings along, and a browser that finds both by name.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { ROOT, examine, browser } = require("./walk.js");

const PROGRAM = process.env.MYOFLAG;

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

class OverTls {
  // `name`: of pictures and the folder. `host`: of the stand-in, started with `options(clinic)`. `sections(iss, pages)`: of the
  // configuration. `more`: other names under which pages are asked for. `provider(clinic, tls)`: instead of the stand-in; answers its
  // `issuer` and how to `close` it. `environment`: of the program.
  static async open(given) {
    const at = new OverTls();
    try {
      await at.start(given);
    } catch (error) {
      await at.close();
      throw error;
    }
    return at;
  }

  async start({ name, host, options, sections, samples, more = [], switches = [], provider, environment = {} }) {
    Object.assign(this, { name, log: "", folder: fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`)) });
    const file = (one) => path.join(this.folder, one);
    const names = ["clinic.example", host, ...more].map((one) => `DNS:${one}`).join(",");
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=clinic.example", "-addext",
      `subjectAltName=${names}`, "-keyout", file("tls.key"), "-out", file("tls.pem")], { stdio: "ignore" });
    const port = await freePort();
    this.clinic = `https://clinic.example:${port}`;
    const { iss, pages } = provider ? await this.bring(provider, { cert: file("tls.pem"), key: file("tls.key") })
      : await this.standBy(host, file, options);
    this.pages = pages;
    const store = file("store.sqlite");
    for (const sample of samples) execFileSync(PROGRAM, ["deliver", "--store", store, "add", path.join(ROOT, "samples", sample)]);
    fs.writeFileSync(file("myoflag.yaml"), JSON.stringify({
      listen: { port, certificate: "tls.pem", key: "tls.key" }, service: { base: this.clinic },
      intake: { store, clinic: "Example Clinic", phone: "020 7946 0123", "emergency-number": "112" }, ...sections(iss, pages) }));
    this.process = spawn(PROGRAM, ["serve", "--demo", "--config", file("myoflag.yaml")], { env: { ...process.env, ...environment } });
    this.process.stderr.on("data", (bytes) => { this.log += bytes; });
    await this.until("the program", () => /Listening on https:/.test(this.log));
    this.chrome = await browser("--host-resolver-rules=MAP *.example 127.0.0.1", ...switches);
  }

  // An invented patient's form; gives the link.
  invite(...more) {
    return execFileSync(PROGRAM, ["invite", "--store", path.join(this.folder, "store.sqlite"), "--base", this.clinic, "create",
      "--patient", "Patient/device-1", "--born", "1980-02-27", ...more], { encoding: "utf8" }).trim();
  }

  async bring(provider, tls) {
    this.provider = await provider(this.clinic, tls);
    return { iss: this.provider.issuer, pages: this.provider.issuer };
  }

  async standBy(host, file, options) {
    this.standIn = spawn("python3", ["-B", path.join(ROOT, "tests", "launch", "smart_ehr.py"), file("stand-in.json"), "--tls",
      file("tls.pem"), file("tls.key"), "--host", host, ...options(this.clinic)], { stdio: ["pipe", "inherit", "inherit"] });
    await this.until("the stand-in", () => fs.existsSync(file("stand-in.json")));
    return JSON.parse(fs.readFileSync(file("stand-in.json"), "utf8"));
  }

  async until(what, ready) {
    for (let i = 0; i < 600; ++i) {
      const found = ready();
      if (found) return found;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    throw new Error(`${what} does not come: ${this.log.split("\n").slice(-4).join("\n")}`);
  }

  async close() {
    await this.chrome?.close();
    this.standIn?.stdin.end();
    await this.provider?.close();
    if (this.process) {
      const ended = new Promise((resolve) => { this.process.on("exit", resolve); });
      this.process.kill("SIGTERM");
      await ended;
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  // A page in a browser of its own, which remembers what is wrong on the way.
  async page({ script = true, width = 1280, height = 800 } = {}) {
    const context = await this.chrome.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: script, viewport: { width, height } });
    const page = await context.newPage();
    page.troubles = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of (403|404)|favicon/.test(message.text())) page.troubles.push(message.text());
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (![this.clinic, this.pages].includes(url.origin)) page.troubles.push(`asks ${url.origin}`);
      if (url.origin === this.clinic && /example|Patient|secret/.test(url.pathname)) page.troubles.push(`a patient or a token in ${url}`);
    });
    return page;
  }

  async leave(page) {
    await page.context().close();
    assert.deepEqual(page.troubles, []);
  }

  // axe and the shape of it, and a picture where they are wanted. `page`: or a frame.
  async look(page, name) {
    if (process.env.SHOTS) {
      fs.mkdirSync(process.env.SHOTS, { recursive: true });
      const whole = page.page ? page.page() : page;
      await whole.screenshot({ path: path.join(process.env.SHOTS, `${this.name}-${name}.png`), fullPage: true });
    }
    assert.ok(!/Patient|1980|Ana/.test(await page.title()), "nobody in the title");
    await examine(page, name);
  }
}

module.exports = { OverTls };
