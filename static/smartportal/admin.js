// Adds to the admin what works without it too: buttons that copy, and addresses that follow the slug while it is typed.
"use strict";
function copied(element) {
  return "value" in element ? element.value : element.textContent;
}
function withButton(element) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sp-copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(copied(element).trim()).then(
      () => { button.textContent = "Copied"; },
      () => { getSelection().selectAllChildren(element); },
    );
  });
  element.after(button);
}
if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach(withButton);
const slug = document.getElementById("id_slug");
const around = document.querySelectorAll("[data-around-slug]");
function follow() {
  around.forEach((element) => { element.textContent = element.dataset.aroundSlug + (slug.value || "<slug>"); });
}
// The name fills the slug in, without an event of the slug's own.
if (slug && around.length) document.addEventListener("input", () => setTimeout(follow));
