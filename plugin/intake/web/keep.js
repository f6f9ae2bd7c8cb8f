// Where the network drops, the page says so, keeps what was entered, and sends it when the network is back. It is kept in
// this page alone and never stored in the browser: on a shared device the next person must not find it. Without this script
// the browser sends the form itself.
"use strict";
{
  const form = document.querySelector("form[data-keep]");
  const line = document.getElementById("offline");
  const PATIENCE = 10000;       // ms, for one try
  const PAUSE = [2000, 20000];  // ms between two tries: the first, and the longest
  let button = null;    // that was pressed
  let waits = false;    // for the network, with something to send
  let pause = PAUSE[0];
  let next = 0;
  let turn = 0;         // of what was entered and pressed: what comes back for an earlier one leads nowhere
  let byBrowser = false;
  const onDevice = document.getElementById("finish");  // of the clinic: it closes by itself

  const tell = (...names) => {
    line.textContent = names.map((name) => line.dataset[name]).join(" ");
    line.className = names.length ? "mf-warning" : "";
  };

  const ask = (address, more) => {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), PATIENCE);
    return fetch(address, { cache: "no-store", signal: stop.signal, ...more }).finally(() => clearTimeout(limit));
  };

  // Sending twice changes nothing, but for a date of birth, of which each wrong one counts: there the way is tried first.
  const post = () => {
    if (form.dataset.keep === "once") return ask("/favicon.ico");
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.append(button.name, button.value);
    return ask(form.action, { method: "POST", body, headers: { "Mf-Fetch": "1" } });
  };

  const leave = (to) => {
    waits = false;
    tell();
    if (to) return onDevice ? location.replace(to) : location.assign(to);
    // Something to be read, such as what is wrong with the answer: the browser fetches it as it always does.
    byBrowser = true;
    delete form.dataset.sent;
    form.requestSubmit(button);
  };

  const send = async () => {
    clearTimeout(next);
    const mine = turn;
    let answer = null;
    try {
      answer = await post();
    } catch {
      answer = null;
    }
    // A proxy, or a page to log in to the network, answers as well, but not for the program.
    const arrived = answer && answer.status < 500 && answer.headers.has("Mf-Intake");
    if (mine !== turn) {
      if (arrived && answer.headers.has("Mf-Rev")) form.elements.rev.value = answer.headers.get("Mf-Rev");
      if (!waits && !form.dataset.sent) tell(...(arrived ? [] : ["offline"]), "changed");
      return;
    }
    if (arrived) return leave(answer.headers.get("Mf-To"));
    delete form.dataset.sent;
    waits = true;
    tell("offline", "waiting");
    next = setTimeout(again, pause);
    pause = Math.min(2 * pause, PAUSE[1]);
  };

  const again = () => {
    if (!waits || form.dataset.sent) return;
    form.dataset.sent = "1";
    send();
  };

  if (form && line && window.fetch && window.AbortController && form.requestSubmit) {
    form.addEventListener("submit", (event) => {
      if (byBrowser) return;
      event.preventDefault();
      if (form.dataset.sent) return;
      button = event.submitter;
      ++turn;
      pause = PAUSE[0];
      send();
    });
    // What is being changed is not sent before its button is pressed again.
    form.addEventListener("input", () => {
      if (byBrowser || !waits && !form.dataset.sent) return;
      ++turn;
      delete form.dataset.sent;
      clearTimeout(next);
      tell(...(waits ? ["offline"] : []), "changed");
      waits = false;
    });
    addEventListener("offline", () => { if (!waits) tell("offline"); });
    addEventListener("online", () => (waits ? again() : tell()));
    addEventListener("beforeunload", (event) => { if (waits && !onDevice) event.preventDefault(); });
    addEventListener("pageshow", () => { byBrowser = false; });
  }
}
