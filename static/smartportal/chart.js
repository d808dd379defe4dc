/* Improves the pages; nothing on them needs this file. The colors a person chose are put on before anything is drawn;
   for that, this file must not be deferred. On the pages of a chart, a panel that could not be loaded is fetched again
   in place, a page that has stood open for long says so, one whose session ends says so in time and is cleared, and
   Back asks the server again. Every word a person sees comes from the page. */
"use strict";

(function () {
  var root = document.documentElement;
  var opened = Date.now();
  var WARN = 120000;
  var said = null;
  var idleEnd = Infinity;

  /* Browsers refuse storage in frames of other sites now and then: the choice then lasts as long as the page. */
  function kept() { try { return window.localStorage.getItem("colors"); } catch (refused) { return null; } }
  function keep(colors) { try { window.localStorage.setItem("colors", colors); } catch (refused) { return; } }
  function wear(colors) {
    if (root.hasAttribute("data-paper")) { return; }
    if (colors === "light" || colors === "dark") { root.setAttribute("data-theme", colors); }
    else { root.removeAttribute("data-theme"); }
    document.querySelectorAll("[data-colors]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.colors === (root.getAttribute("data-theme") || "system")));
    });
  }
  wear(kept());

  if (!window.fetch || !window.DOMParser || !Element.prototype.replaceWith) { return; }

  function say(words) {
    if (!said) { return; }
    said.textContent = "";
    window.setTimeout(function () { said.textContent = words; }, 50);
  }

  function sameChart(section, old) {
    var chart = document.body.dataset;
    return section && section.dataset.panel === old.dataset.panel &&
      section.dataset.subject === chart.launch + " " + chart.patient;
  }

  function sayLoaded(section) {
    var summary = section.querySelector(".sum");
    var shown = ["failed", "forbidden", "unsupported"].indexOf(section.dataset.state) < 0;
    /* A panel that failed again has its own alert. */
    if (shown && said) {
      say(said.dataset.loaded.replace("{panel}", section.querySelector("h2").textContent) +
        (summary ? " " + summary.textContent : ""));
    }
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
        sayLoaded(section);
        watchIdle();
      })
      .catch(function () { window.location.assign(link.href); });
  }

  /* Where an EHR's frame may not write to the clipboard, the old way is tried; if that fails, the text is selected. */
  function copy(button) {
    var range = document.createRange();
    function copied() { say(said.dataset.copied); }
    function byHand() {
      range.selectNode(button.parentNode.firstChild);
      window.getSelection().removeAllRanges();
      window.getSelection().addRange(range);
      if (document.execCommand && document.execCommand("copy")) { copied(); } else { say(said.dataset.selected); }
    }
    if (navigator.clipboard) { navigator.clipboard.writeText(button.dataset.copy).then(copied, byHand); } else { byHand(); }
  }

  document.addEventListener("click", function (event) {
    var at = event.target.closest ? event.target : null;
    var link = at && at.closest("a[data-retry]");
    var colors = at && at.closest("[data-colors]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      if (link.closest("section").getAttribute("aria-busy") !== "true") { retry(link); }
    } else if (colors) {
      keep(colors.dataset.colors);
      wear(colors.dataset.colors);
    } else if (at && at.closest("[data-copy]")) {
      copy(at.closest("[data-copy]"));
    }
  });

  /* The choice made in one tab holds in the others. */
  window.addEventListener("storage", function (event) { if (event.key === "colors") { wear(event.newValue); } });

  /* Browsers keep pages for Back, now and then even one whose session has been ended and whose cookie is gone. The page
     is left blank, so that nothing of it shows before the server has answered. */
  function ofAChart() { return Boolean(document.body && document.body.dataset.launch); }
  window.addEventListener("pagehide", function () { if (ofAChart()) { root.hidden = true; } });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted && ofAChart()) { window.location.reload(); }
  });

  function watchIdle() {
    var ending = document.querySelector("[data-idle-seconds]");
    if (ending) { idleEnd = Date.now() + Number(ending.dataset.idleSeconds) * 1000; }
  }

  /* The time is looked at again and again: a computer that slept has not run its timers. */
  function watchTheEnd(ending) {
    var left = ending.dataset.secondsLeft;
    var end = left ? opened + Number(left) * 1000 : Infinity;
    var timer = window.setInterval(look, 5000);
    document.addEventListener("visibilitychange", look);
    function look() {
      var rest = Math.min(idleEnd, end) - Date.now();
      if (rest <= 0) { clear(); return; }
      ending.hidden = rest > WARN;
      ending.querySelector("[data-keep-open]").hidden = end <= idleEnd;
      ending.querySelector("[data-for-good]").hidden = end > idleEnd;
    }
    function clear() {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      document.body.textContent = "";
      document.title = "";
      window.location.reload();
    }
  }

  function addCopyButtons() {
    document.querySelectorAll("template[data-inside]").forEach(function (template) {
      var target = document.querySelector(template.dataset.inside);
      var button = template.content && template.content.firstElementChild.cloneNode(true);
      if (!target || !button) { return; }
      button.dataset.copy = target.textContent.trim();
      target.appendChild(document.createTextNode(" "));
      target.appendChild(button);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    var stale = document.querySelector("[data-stale-minutes]");
    var ending = document.querySelector("[data-idle-seconds]");
    said = document.querySelector("[data-said]");
    if (stale) {
      window.setTimeout(function () { stale.hidden = false; }, Number(stale.dataset.staleMinutes) * 60000);
    }
    if (ending) {
      idleEnd = opened + Number(ending.dataset.idleSeconds) * 1000;
      watchTheEnd(ending);
    }
    document.querySelectorAll("[data-with-script]").forEach(function (each) { each.hidden = false; });
    addCopyButtons();
    wear(kept());
  });
}());
