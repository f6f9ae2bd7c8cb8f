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

// A second touch of a button sends nothing more; the server would not mind.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

const errors = document.querySelector(".mf-errors");
if (errors) errors.focus();
