// Files that the reader has, dropped or chosen: held against a version's artifacts, or, as proof files, against the log.
// They are read here and sent nowhere. Classic script: check.js loads it, after verify.js.
(function () {
  "use strict";
  const { script, find, address } = window.muniment;
  const { box, page, once, element, line, step, number, entries, newest, continues, keysAt, versionDocument } = window.muniment.box;
  const v = window.muniment.verify, results = box.querySelector(".held"), SHOWN = 5, MAX_PROOF = 1e6;
  const hashing = once(async () => { await script("assets/sha256.js"); return window.muniment.sha256; });

  function link(path, text) {
    const made = element("a", "", text);
    made.href = address(path);
    return made;
  }

  // ---- what was dropped or chosen: {name, folder, files: [{path, file}]}, paths relative to a folder ----
  function chosen(files) {
    const inside = files.filter((file) => file.webkitRelativePath);
    if (!inside.length) { return files.map((file) => ({ name: file.name, folder: false, files: [{ path: file.name, file }] })); }
    const name = inside[0].webkitRelativePath.split("/")[0];
    return [{ name, folder: true, files: inside.map((file) => ({ path: file.webkitRelativePath.slice(name.length + 1), file })) }];
  }

  async function dropped(list) {
    const things = [];
    for (const { entry, file } of list) {
      const folder = Boolean(entry && entry.isDirectory);
      things.push(folder ? { name: entry.name, folder, files: await inside(entry) } : chosen([file])[0]);
    }
    return things;
  }

  function inside(folder) {
    return under(folder, "").catch(() => {
      throw new Error("this browser does not let this page read a dropped folder. Choose it with the button.");
    });
  }

  async function under(folder, prefix) {
    const reader = folder.createReader(), found = [];
    for (;;) {  // a browser gives some at a time
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) { return found; }
      for (const entry of some) {
        const path = prefix + entry.name, file = () => new Promise((resolve, reject) => entry.file(resolve, reject));
        found.push(...entry.isDirectory ? await under(entry, `${path}/`) : [{ path, file: await file() }]);
      }
    }
  }

  // ---- digests: in a Worker, or piece by piece here, where a browser gives none to a page that is a file ----
  let stopping = new AbortController();
  const stopped = () => v.unknown("Stopped.");

  async function digestAll(files, told) {
    const { signal } = stopping;
    if (location.protocol !== "file:") { return inWorker(files, told, signal); }
    return (await hashing()).digestAll(files, (read) => {
      if (signal.aborted) { throw stopped(); }
      told(read);
    });
  }

  function inWorker(files, told, signal) {
    const worker = new Worker(address("assets/sha256.js"));
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(stopped()));
      if (signal.aborted) { reject(stopped()); }
      worker.onmessage = ({ data }) => {
        if (data.read) { told(data.read); }
        if (data.error) { reject(new Error(data.error)); }
        if (data.digests) { resolve(data.digests); }
      };
      worker.onerror = () => reject(new Error("the browser gives this page no worker."));
      worker.postMessage(files);
    }).finally(() => worker.terminate());
  }

  // A file's digest, or a folder's: that of its files' digests in code point order of their paths.
  async function measure(thing, told) {
    thing.files.sort((a, b) => v.byCodePoint(a.path, b.path));
    if (!thing.files.some(({ file }) => file.size)) { throw v.unknown("It holds no bytes, so it is no artifact."); }
    const digests = await digestAll(thing.files.map(({ file }) => file), told);
    digests.forEach((digest, n) => { thing.files[n].digest = v.toHex(digest); });
    if (!thing.folder) { return thing.files[0].digest; }
    const root = new (await hashing()).Sha256();
    digests.forEach((digest) => root.update(digest));
    return v.toHex(root.digest());
  }

  // ---- what they are ----
  // The files of the version as the page lists them: digest by path.
  function listed() {
    const rows = document.querySelectorAll("#files tbody tr");
    return new Map(Array.from(rows, (row) => [row.querySelector("bdi").textContent, row.querySelector("code").textContent]));
  }

  async function compare(list, thing, told) {
    const digest = await measure(thing, told), title = versionDocument().version, files = listed();
    const found = versionDocument().artifacts.find((artifact) => artifact.digest === `sha256:${digest}`);
    const part = thing.folder ? undefined : Array.from(files).find(([, hex]) => hex === digest);
    const code = element("code", "fine", `sha256:${digest}`);
    if (found) {
      line(list, "pass", thing.name, `It is the artifact ${found.name} of ${title}. `, code);
    } else if (part) {
      line(list, "part", thing.name, `It is the file ${part[0]} of ${title}, one of ${files.size}: give the folder to check all. `, code);
    } else {
      line(list, "fail", thing.name, `It is no artifact of ${title}. `, ...await elsewhere(digest), ...differences(thing, files), code);
    }
  }

  async function elsewhere(digest) {
    const rows = await find([digest]).catch(() => []);
    return rows.length ? ["These bytes are in ", link(rows[0][2], rows[0][0]), ". "] : [];
  }

  function differences(thing, meant) {
    if (!thing.folder || !meant.size) { return []; }
    const given = new Map(thing.files.map(({ path, digest }) => [path, digest]));
    const changed = Array.from(meant.keys()).filter((path) => given.has(path) && given.get(path) !== meant.get(path));
    const missing = Array.from(meant.keys()).filter((path) => !given.has(path));
    const more = Array.from(given.keys()).filter((path) => !meant.has(path));
    const some = (paths) => paths.slice(0, SHOWN).join(", ") + (paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : "");
    return [["Changed", changed], ["Missing", missing], ["Not of it", more]]
      .filter(([, paths]) => paths.length).map(([word, paths]) => `${word}: ${some(paths)}. `);
  }

  async function hold(list, things) {
    const progress = box.querySelector(".progress"), bar = progress.querySelector("progress"), text = progress.querySelector("span");
    const sizeOf = (thing) => thing.files.reduce((sum, { file }) => sum + file.size, 0);
    const total = things.reduce((sum, thing) => sum + sizeOf(thing), 0), mb = (bytes) => number(Math.round(bytes / 1e6));
    let before = 0;
    stopping = new AbortController();
    const told = (read) => {
      bar.value = (before + read) / Math.max(total, 1);
      text.textContent = `${mb(before + read)} of ${mb(total)} MB`;
    };
    told(0);
    progress.hidden = false;
    for (const thing of things) {
      await compare(list, thing, told).catch((error) => {
        const known = error instanceof v.Verdict;
        line(list, "unknown", thing.name, known ? error.message : `It could not be read: ${error.message}`);
      });
      before += sizeOf(thing);
    }
    progress.hidden = true;
  }

  // ---- proof files, on the transparency index ----
  async function proofHolds(file) {
    if (file.size > MAX_PROOF) { throw v.malformed("It is too long for a .tlog-proof file."); }
    const proof = v.parseProof(new Uint8Array(await file.arrayBuffer())), { read, checkpoint } = await newest();
    if (proof.index >= checkpoint.size) { throw v.unknown(`The log at hand has no entry ${proof.index} yet. Load the page again.`); }
    const keys = keysAt(v.parseCheckpoint(v.parseNote(proof.checkpoint).text).size);
    const old = await v.checkProof(proof, await read(0, proof.index), page.origin, keys);
    await continues(old);
    const where = link(`log/entries/${String(Math.floor(proof.index / 256)).padStart(3, "0")}.html`, `Entry ${proof.index}`);
    where.hash = `e${proof.index}`;
    return [where, ` stands in the log of ${entries(old.size)}, and the newest checkpoint continues that.`];
  }

  async function holdProofs(list, things) {
    for (const { path, file } of things.flatMap((thing) => thing.files)) { await step(list, path, () => proofHolds(file)); }
  }

  // One at a time: a second choice waits for the first to end.
  let busy = Promise.resolve();
  function take(make) {
    busy = busy.then(async () => {
      const list = element("ul", "findings");
      results.replaceChildren(list);
      try {
        await (page.page === "log" ? holdProofs : hold)(list, await make());
      } catch (error) {
        line(list, "unknown", "Files", `They could not be read: ${error.message}`);
      }
    });
  }

  box.querySelectorAll(".stop").forEach((button) => button.addEventListener("click", () => stopping.abort()));
  window.muniment.files = {
    chosen: (list) => take(() => chosen(list)),
    dropped: (list) => take(() => dropped(list)),
  };
})();
