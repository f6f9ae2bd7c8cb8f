// Only what makes the pages easier: each of them is complete without it.
"use strict";

// "None of these" and the others exclude each other; the server refuses both together.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.type !== "checkbox" || !box.checked) return;
  const exclusive = box.hasAttribute("data-exclusive");
  for (const other of document.getElementsByName(box.name)) {
    if (other !== box && (exclusive || other.hasAttribute("data-exclusive"))) other.checked = false;
  }
});

// The picture of a body says what the list says, and a touch of it is one of the list.
const map = document.querySelector(".mf-map");
if (map) {
  const places = [...map.querySelectorAll("[data-code]")];
  const boxOf = (place) => document.getElementById(`${map.dataset.for}-${place.dataset.code}`);
  const show = () => {
    for (const place of places) place.classList.toggle("mf-on", Boolean(boxOf(place)?.checked));
  };
  map.addEventListener("click", (event) => {
    const place = event.target.closest("[data-code]");
    if (place) boxOf(place)?.click();
  });
  document.addEventListener("change", show);
  addEventListener("pageshow", show);
  map.hidden = false;
}

// A second touch of a button sends nothing more; the server would not mind.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// On a device of the clinic: a page that nobody touches closes, and none stays behind the one that is shown.
const finish = document.getElementById("finish");
if (finish) {
  const soon = document.getElementById("soon");
  const idle = 1000 * finish.dataset.idle;
  let timers = [];
  const rest = () => {
    timers.forEach(clearTimeout);
    soon.textContent = "";
    timers = [setTimeout(() => { soon.textContent = finish.dataset.soon; }, idle * 3 / 4), setTimeout(() => finish.submit(), idle)];
  };
  for (const what of ["pointerdown", "keydown", "input", "scroll", "pageshow"]) addEventListener(what, rest, { passive: true });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="/p/"]');
    if (!link) return;
    event.preventDefault();
    location.replace(link.href);
  });
  rest();
}

const errors = document.querySelector(".mf-errors");
if (errors) errors.focus();
