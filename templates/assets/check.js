// The box "Verify in this browser": checks a page's own data against the log, with verify.js.
// Classic script, works from a file too. What is false and what could not be checked are never told alike.
(function () {
  "use strict";
  const box = document.getElementById("check"), source = document.getElementById("check-data");
  if (!box || !source || !window.muniment) { return; }
  const page = JSON.parse(source.textContent), { load, script } = window.muniment;
  const MARKS = { pass: "Holds", fail: "False", part: "In part", unknown: "Not checked" };
  let v = null;  // verify.js, loaded when it is first needed

  const once = (make) => {
    let made = null;
    return () => (made = made || make().catch((error) => { made = null; throw error; }));
  };
  const ready = once(async () => { await script("assets/verify.js"); v = window.muniment.verify; });

  // ---- what people see ----
  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    made.className = className;
    made.append(...children);
    return made;
  }

  function line(list, state, title, ...text) {
    const words = element("div", "", element("strong", "", title), element("p", "", ...text));
    list.append(element("li", state, element("span", "mark", MARKS[state]), words));
  }

  const number = (count) => count.toLocaleString("en");
  const counted = (count, one, more) => `${number(count)} ${count === 1 ? one : more || `${one}s`}`;
  const entries = (count) => counted(count, "entry", "entries");
  const time = (instant) => instant.replace("T", " ").replace("Z", " UTC");
  const keys = (checkpoint) => checkpoint.signers.map((key) => key.id).join(" and ");

  // Runs one check and tells how it ended; gives that state.
  async function step(list, title, check) {
    let state = "pass", text = "";
    try {
      text = await check();
    } catch (error) {
      state = v && error instanceof v.Verdict && error.kind === "false" ? "fail" : "unknown";
      text = error.message;
    }
    line(list, state, title, ...[text].flat());
    return state;
  }

  // ---- the log, as every page checks it ----
  const open = (signed) => v.openCheckpoint(v.utf8(signed.checkpoint), signed.origin, signed.keys);
  const claimed = (note) => v.parseCheckpoint(v.parseNote(v.utf8(note)).text);
  const hashes = (texts) => texts.map((text) => v.fromBase64(text, "A hash of the proof", 32));
  const hashesAt = async (row, n) => v.fromBase64(await load(`log/hashes/${row}/${v.pathNumber(n)}`), "A list of hashes");

  const newest = once(async () => {
    const head = await load("log/head"), checkpoint = await open(head);
    if (checkpoint.origin !== page.origin) { throw v.wrong(`The newest is of ${checkpoint.origin}, not ${page.origin}.`); }
    return { head, checkpoint, read: v.tileReader(hashesAt, checkpoint.size) };
  });

  async function signed() {
    const checkpoint = await open(page);
    return `${entries(checkpoint.size)} of ${checkpoint.origin}, signed by its key ${keys(checkpoint)}. `
      + "Compare the key with your own trust.json.";
  }

  async function continues(old) {
    const { checkpoint, read } = await newest();
    if (checkpoint.size < old.size) { throw v.unknown("The newest checkpoint at hand is older than this. Load the page again."); }
    const proof = await v.proveConsistency(read, old.size, checkpoint.size);
    await v.checkConsistency(old.size, old.root, checkpoint.size, checkpoint.root, proof);
    return checkpoint;
  }

  async function continued() {
    const checkpoint = await continues(claimed(page.checkpoint));
    return `${entries(checkpoint.size)}, signed by ${keys(checkpoint)}. It continues the checkpoint of this page.`;
  }

  // The last leaf of the newest checkpoint, which states the root over all documents.
  const stated = once(async () => {
    const { head, checkpoint, read } = await newest(), last = checkpoint.size - 1;
    const proof = await v.proveInclusion(read, last, checkpoint.size);
    await v.checkInclusion(await v.leafHash(v.utf8(head.leaf)), last, checkpoint.size, proof, checkpoint.root);
    const leaf = JSON.parse(head.leaf), root = v.fromHex(leaf.root.replace("sha256:", ""), "The state's root");
    return { at: leaf.admittedAt, root, shards: head.shards };
  });

  // ---- a version's page ----
  async function entriesIncluded() {
    const checkpoint = claimed(page.checkpoint);
    for (const entry of page.entries) {
      const leaf = await v.leafHash(v.utf8(entry.leaf));
      await v.checkInclusion(leaf, entry.index, checkpoint.size, hashes(entry.hashes), checkpoint.root);
    }
    const left = page.left ? ` ${entries(page.left)} more: see the pages of the log.` : "";
    return `${page.entries.map((entry) => `#${entry.index}`).join(" ")} stand in the log under this checkpoint.${left}`;
  }

  const versionDocument = () => JSON.parse(page.documents[page.subject]);

  async function shown() {
    const leaves = new Map(page.entries.map((entry) => [String(entry.index), JSON.parse(entry.leaf)]));
    const all = Array.from(document.querySelectorAll("details[data-entry]"));
    const records = all.filter((record) => leaves.has(record.dataset.entry));
    for (const record of records) {
      const { statement, bundle } = leaves.get(record.dataset.entry);
      const digests = Array.from(record.querySelectorAll(".digest code"), (code) => code.textContent);
      if (!digests.includes(statement) || !digests.includes(bundle)) {
        throw v.wrong(`What the page shows of entry ${record.dataset.entry} is not what the log holds.`);
      }
    }
    const artifacts = Array.from(document.querySelectorAll(".artifact .digest code"), (code) => code.textContent);
    if (artifacts.join() !== versionDocument().artifacts.map((artifact) => artifact.digest).join()) {
      throw v.wrong("The artifacts shown are not those of the version's record.");
    }
    return `The digests of ${counted(artifacts.length, "artifact")} and ${counted(records.length, "record")} are those of the log.`;
  }

  async function documentsHold() {
    const { at, root, shards } = await stated(), stages = [];
    const shardOf = (hex) => load(`state/${hex.slice(0, 2)}/${hex}`);
    for (const [subject, text] of Object.entries(page.documents)) {
      await v.checkDocument(root, shards, shardOf, subject, text);
      if (subject !== page.subject) { stages.push(standing(subject, JSON.parse(text))); }
    }
    const stands = stages.length ? ` It stands in ${stages.join(" and ")}.` : "";
    return `As of ${time(at)} the version's record is as this page has it.${stands}`;
  }

  function standing(subject, { version }) {
    if (version !== versionDocument().version) { throw v.wrong(`${subject} is held by ${version}.`); }
    return subject.split("/").pop();
  }

  // ---- a page of entries: the leaves are what the reader sees ----
  async function entriesOnPage() {
    const checkpoint = claimed(page.checkpoint), leaves = [];
    for (const code of document.querySelectorAll(".entries pre code")) {
      const leaf = await v.leafHash(v.utf8(code.dataset.leaf ? JSON.parse(code.dataset.leaf) : code.textContent));
      const hash = code.closest("dl").querySelector(".digest code").textContent;
      if (hash !== v.toHex(leaf)) { throw v.wrong(`Entry ${page.first + leaves.length} has not the hash that is shown.`); }
      leaves.push(leaf);
    }
    await v.checkRange(leaves, page.first, checkpoint.size, hashes(page.hashes), checkpoint.root);
    return `The ${counted(leaves.length, "line")} shown stand in the log from entry ${page.first} on, under this checkpoint.`;
  }

  // ---- the transparency index ----
  async function hashesServed() {
    const { checkpoint, read } = await newest();
    if (checkpoint.size !== claimed(page.checkpoint).size) {
      throw v.unknown("This page and the log's hashes are of different times. Load the page again.");
    }
    // What stands beside the way up from the first leaf is the whole rest of the tree.
    const first = v.fromHex(page.genesis.replace("sha256:", ""), "The first leaf's hash");
    await v.checkInclusion(first, 0, checkpoint.size, await v.proveInclusion(read, 0, checkpoint.size), checkpoint.root);
    return "They lead from the first leaf shown above to the signed root.";
  }

  async function stateServed() {
    const { at, root, shards } = await stated();
    await v.checkShards(root, shards);
    return `The last entry, of ${time(at)}, states its root, and what is served of it leads there.`;
  }

  // The log's keys in force at a size: a retired one signs nothing new.
  const keysAt = (size) => page.eras.filter(([index]) => index < size).pop()[1];

  async function earlier() {
    for (const note of page.earlier) {
      await continues(await v.openCheckpoint(v.utf8(note), page.origin, keysAt(claimed(note).size)));
    }
    const before = counted(page.earlier.length, "checkpoint");
    return page.earlier.length ? `The ${before} before it are signed, and it continues each.` : "There is none before it.";
  }

  const SIGNED = ["The checkpoint's signature", signed], CONTINUED = ["The newest checkpoint", continued];
  const CHECKS = {
    version: [SIGNED, ["The entries of this page", entriesIncluded], ["What the page shows", shown], CONTINUED,
      ["The state of the registry", documentsHold]],
    entries: [SIGNED, ["The entries of this page", entriesOnPage], CONTINUED],
    log: [SIGNED, ["The log's hashes", hashesServed], ["The state of the registry", stateServed],
      ["Earlier checkpoints", earlier]],
  };

  function summary(states) {
    if (states.includes("fail")) { return ["fail", "Do not rely on this page: what is marked False does not fit the log."]; }
    if (states.includes("unknown")) { return ["unknown", "What could be checked holds. The rest is not known to be true or false."]; }
    return ["pass", "All of this holds."];
  }

  async function verify() {
    const results = box.querySelector(".results"), button = box.querySelector(".run");
    const list = element("ul", "findings"), states = [];
    results.replaceChildren(list);
    button.disabled = true;
    for (const [title, check] of CHECKS[page.page]) {
      states.push(await step(list, title, async () => { await ready(); return check(); }));
    }
    const [worst, text] = summary(states);
    results.append(element("p", `sum ${worst}`, text));
    button.disabled = false;
    button.textContent = "Verify again";
  }

  // ---- files, which files.js holds against the log ----
  const files = once(async () => { await ready(); await script("assets/files.js"); return window.muniment.files; });
  function give(things, how) {
    files().then((loaded) => loaded[how](things)).catch((error) => {
      box.querySelector(".held").replaceChildren(element("p", "sum unknown", `Not checked: ${error.message}`));
    });
  }

  function listen(drop) {
    drop.querySelectorAll("input").forEach((input) => input.addEventListener("change", () => {
      const list = Array.from(input.files);
      input.value = "";
      if (list.length) { give(list, "chosen"); }
    }));
    document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) { drop.classList.remove("over"); } });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      // They can be asked for only before the event ends.
      const items = Array.from(event.dataTransfer.items).filter((item) => item.kind === "file");
      const list = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
      if (list.length) { give(list, "dropped"); }
    });
  }

  box.hidden = false;
  document.querySelectorAll("a[href='#check']").forEach((a) => { a.parentElement.hidden = false; });
  box.querySelector(".run").addEventListener("click", verify);
  box.querySelectorAll(".drop").forEach(listen);
  window.muniment.box = { box, page, once, element, line, step, number, entries, newest, continues, keysAt, versionDocument };
})();
