// Sends the one form of the page that leads to an EHR; without script its button does the same.
"use strict";
const form = document.querySelector("form[data-submit]");
if (form) form.submit();
