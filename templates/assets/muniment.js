// Copy buttons and search. The pages say everything without it. Classic script: works from a file too.
(function () {
  "use strict";
  var base = new URL("../", document.currentScript.src);

  // Data lies in scripts, which load from files too: each calls muniment.shard with its path and its value.
  var shards = {}, waiting = {};
  function script(path) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement("script");
      element.src = new URL(path, base).href;
      element.onload = resolve;
      element.onerror = function () { reject(new Error(path + " cannot be loaded: it is missing, or the network is.")); };
      document.head.append(element);
    });
  }
  function load(path) {
    waiting[path] = waiting[path] || script(path + ".js").then(function () {
      if (!(path in shards)) { throw new Error(path + ".js does not hold its data."); }
      return shards[path];
    });
    waiting[path].catch(function () { delete waiting[path]; });
    return waiting[path];
  }
  window.muniment = {
    base: base, script: script, load: load, find: find, address: address,
    shard: function (path, value) { shards[path] = value; }
  };

  document.querySelectorAll("button.copy").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var done = function (word) {
        button.textContent = word;
        setTimeout(function () { button.textContent = "Copy"; }, 1600);
      };
      if (!navigator.clipboard) { done("Select it"); return; }
      navigator.clipboard.writeText(button.dataset.copy).then(function () { done("Copied"); }, function () { done("Select it"); });
    });
  });

  function openTarget() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    var details = target && target.querySelector("details");
    if (details) { details.open = true; }
  }
  openTarget();
  addEventListener("hashchange", openTarget);

  var box = document.querySelector(".find"), input = document.getElementById("find"), found = document.getElementById("found");
  if (!box) { return; }
  box.hidden = false;

  function slug(word) {
    return Array.from(word).slice(0, 2).map(function (c) { return /[a-z0-9]/.test(c) ? c : "_" + c.codePointAt(0).toString(16); }).join("");
  }
  function shard(name) {
    return load("search/index").then(function (names) { return names.includes(name) ? load("search/" + name) : {}; });
  }
  function numbers(term) {
    var hex = /^(sha256:)?[0-9a-f]{6,64}$/.test(term);
    var digest = term.replace("sha256:", "");
    return Promise.all([shard("w-" + slug(term)), hex ? shard("d-" + digest.slice(0, 2)) : {}]).then(function (parts) {
      var hits = new Set();
      [[parts[0], term], [parts[1], digest]].forEach(function (pair) {
        Object.keys(pair[0]).forEach(function (word) {
          if (word.startsWith(pair[1])) { pair[0][word].forEach(function (n) { hits.add(n); }); }
        });
      });
      return hits;
    });
  }
  function record(n) {
    return load("search/r-" + Math.floor(n / 256)).then(function (rows) { return rows[n % 256]; });
  }
  function find(terms) {
    return Promise.all(terms.map(numbers)).then(function (sets) {
      var common = Array.from(sets[0]).filter(function (n) { return sets.every(function (s) { return s.has(n); }); });
      common.sort(function (a, b) { return a - b; });
      return Promise.all(common.slice(0, 25).map(record));
    });
  }
  function address(path) { return new URL(path.split("/").map(encodeURIComponent).join("/"), base).href; }
  function show(rows, text) {
    found.textContent = "";
    rows.forEach(function (row) {
      var a = document.createElement("a"), note = document.createElement("span");
      a.href = address(row[2]);
      a.append(row[0]);
      note.className = "quiet";
      note.append(row[1]);
      a.append(note);
      found.append(a);
    });
    if (!rows.length) { var p = document.createElement("p"); p.append(text); found.append(p); }
    found.hidden = false;
  }
  var turn = 0;
  function search() {
    var mine = ++turn, text = input.value.trim().toLowerCase();
    // A whole digest is looked for alone: what stands around it was pasted with it.
    var terms = text.match(/\b[0-9a-f]{64}\b/) || text.split(/\s+/).filter(function (t) { return t.length > 1; });
    if (!terms.length) { found.hidden = true; return; }
    find(Array.from(terms)).then(function (rows) { if (mine === turn) { show(rows, "Nothing is named so."); } },
      function () { if (mine === turn) { show([], "The search index cannot be loaded."); } });
  }
  input.addEventListener("input", search);
  input.addEventListener("focus", function () { load("search/index").catch(function () {}); if (input.value) { search(); } });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { found.hidden = true; }
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); input.focus(); }
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && box.contains(document.activeElement)) {
      var stops = [input].concat(Array.from(found.querySelectorAll("a")));
      var next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });
  document.addEventListener("click", function (event) { if (!box.contains(event.target)) { found.hidden = true; } });
})();
