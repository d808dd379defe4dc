/* Improves the chart; nothing on it needs this file. A panel that could not be loaded is fetched again in place, a page
   that has stood open for long says so, and Back asks the server again. */
"use strict";

(function () {
  var chart = document.body;

  /* Browsers keep pages for Back, now and then even one whose session has been ended and whose cookie is gone. The page
     is left blank, so that nothing of it shows before the server has answered. */
  window.addEventListener("pagehide", function () { document.documentElement.hidden = true; });
  window.addEventListener("pageshow", function (event) { if (event.persisted) { window.location.reload(); } });

  if (!window.fetch || !window.DOMParser) { return; }

  function sameChart(section, old) {
    return section && section.dataset.panel === old.dataset.panel &&
      section.dataset.subject === chart.dataset.launch + " " + chart.dataset.patient;
  }

  function retry(link) {
    var old = link.closest("section[data-panel]");
    old.setAttribute("aria-busy", "true");
    fetch(link.href + "?fragment=1", {credentials: "same-origin", cache: "no-store", redirect: "error"})
      .then(function (answer) { return answer.ok ? answer.text() : ""; })
      .then(function (html) {
        var section = new DOMParser().parseFromString(html, "text/html").querySelector("section[data-panel]");
        /* An ended session, or another patient: the server's own page says what is the matter. */
        if (!sameChart(section, old)) { window.location.assign(link.href); return; }
        old.replaceWith(document.adoptNode(section));
        section.querySelector("h2").focus();
      })
      .catch(function () { window.location.assign(link.href); });
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a[data-retry]") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    event.preventDefault();
    if (link.closest("section").getAttribute("aria-busy") !== "true") { retry(link); }
  });

  var stale = document.querySelector("[data-stale-minutes]");
  if (stale) {
    window.setTimeout(function () { stale.hidden = false; }, Number(stale.dataset.staleMinutes) * 60000);
  }
}());
