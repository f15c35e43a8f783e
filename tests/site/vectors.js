// The vectors of tests/vectors, and cases made by muniment.log, run on templates/assets/verify.js and sha256.js:
// in Node by test_scripts.py, in Chromium by tests/browser/pages.py. Gives {count, failures}.
async function runVectors(v, { Sha256 }, all) {
  const failures = [];
  let count = 0;
  const bytes = (text) => Uint8Array.from(atob(text || ""), (c) => c.charCodeAt(0));
  const list = (texts) => (texts || []).map(bytes);
  const flipped = (hash) => Uint8Array.from(hash, (byte, at) => (at === 7 ? byte ^ 16 : byte));

  // The kind of Verdict that a check ends with; "ok" if it holds, the error's text for any other.
  async function ends(check) {
    try {
      await check();
      return "ok";
    } catch (error) { return error instanceof v.Verdict ? error.kind : `${error.name}: ${error.message}`; }
  }

  async function expect(what, want, check) {
    const got = await ends(check);
    count += 1;
    if (!want.includes(got)) { failures.push(`${what}: ${got}, not ${want.join(" or ")}`); }
  }

  function equal(what, got, want) {
    count += 1;
    if (got !== want) { failures.push(`${what}: ${got}, not ${want}`); }
  }

  for (const c of all.merkle_rfc6962_hasher.cases) {
    const made = { empty: () => v.treeRoot([]), leaf: () => v.leafHash(v.utf8(c.data)), node: () => v.nodeHash(v.utf8(c.left), v.utf8(c.right)) };
    equal(`hasher ${c.desc}`, v.toHex(await made[c.kind]()), c.want);
  }
  for (const c of all.merkle_inclusion.cases) {
    await expect(`inclusion ${c.file}`, c.wantErr ? ["false", "malformed"] : ["ok"],
      () => v.checkInclusion(bytes(c.leafHash), c.leafIdx, c.treeSize, list(c.proof), bytes(c.root)));
  }
  for (const c of all.merkle_consistency.cases) {
    await expect(`consistency ${c.file}`, c.wantErr ? ["false", "malformed"] : ["ok"],
      () => v.checkConsistency(c.size1, bytes(c.root1), c.size2, bytes(c.root2), list(c.proof)));
  }
  for (const c of all.tile_paths.cases) { equal(`tile ${c.n}`, v.pathNumber(c.n), c.path); }

  for (const c of all.checkpoint_text.cases) {
    await expect(`checkpoint ${JSON.stringify(c.text)}`, c.ok ? ["ok"] : ["malformed"], () => v.parseCheckpoint(c.text));
    if (c.ok) {
      const made = v.parseCheckpoint(c.text);
      if (c.origin) { equal(`origin of ${c.text}`, `${made.origin} ${made.size}`, `${c.origin} ${c.size}`); }
      if (c.ext) { equal(`extensions of ${c.text}`, made.extensions.join("\n"), c.ext.join("\n")); }
    }
  }
  for (const c of all.tlog_proof.cases) {
    await expect(`proof ${c.desc}`, c.ok ? ["ok"] : ["malformed"], () => v.parseProof(v.utf8(c.text)));
    if (c.ok) {
      const made = v.parseProof(v.utf8(c.text));
      const got = [made.index, ...made.hashes.map(v.toBase64), v.fromUtf8(made.checkpoint, "It")].join(" ");
      equal(`proof ${c.desc}`, got, [c.index, ...c.hashes, c.checkpoint].join(" "));
    }
  }

  const wanted = { ok: ["ok"], malformed: ["malformed"], invalid: ["false"], unverified: ["false"] };
  for (const c of all.notes.cases) {
    await expect(`note ${c.desc}`, wanted[c.want], async () => {
      const { signers } = await v.openNote(bytes(c.note_b64), c.vkeys);
      equal(`signers of ${c.desc}`, signers.map((key) => key.name).join(), c.verified.join());
    });
  }
  for (const text of all.notes.good_vkeys) { await expect(`vkey ${text}`, ["ok"], () => v.parseVkey(text)); }
  const good = all.notes.good_vkeys[0], bad = all.notes.bad_vkeys.slice();
  for (let at = 0; at < good.length; at++) {
    bad.push(good.slice(0, at), good.slice(at + 1));
    bad.push(good.slice(0, at) + String.fromCharCode(good.charCodeAt(at) + 1) + good.slice(at + 1));
  }
  for (const text of bad) { await expect(`bad vkey ${text}`, ["malformed"], () => v.parseVkey(text)); }

  // Made by muniment.log: what holds holds, and no hash of it can be changed, left out or added.
  async function each(what, proof, check) {
    await expect(what, ["ok"], () => check(proof));
    for (const at of proof.keys()) {
      await expect(`${what}, hash ${at} changed`, ["false"], () => check(proof.map((hash, n) => (n === at ? flipped(hash) : hash))));
    }
    await expect(`${what}, one more`, ["false"], () => check([...proof, new Uint8Array(32)]));
    if (proof.length) { await expect(`${what}, one less`, ["false"], () => check(proof.slice(1))); }
  }
  for (const c of all.made.inclusion) {
    const leaf = bytes(c.leaf), root = bytes(c.root);
    await each(`leaf ${c.index} of ${c.size}`, list(c.proof), (proof) => v.checkInclusion(leaf, c.index, c.size, proof, root));
    await expect(`another leaf ${c.index} of ${c.size}`, ["false"], () => v.checkInclusion(flipped(leaf), c.index, c.size, list(c.proof), root));
    await expect(`leaf ${c.index} of ${c.size}, another root`, ["false"], () => v.checkInclusion(leaf, c.index, c.size, list(c.proof), flipped(root)));
  }
  for (const c of all.made.consistency) {
    const old = bytes(c.oldRoot), root = bytes(c.root);
    await each(`${c.old} to ${c.size}`, list(c.proof), (proof) => v.checkConsistency(c.old, old, c.size, root, proof));
    await expect(`another ${c.old} to ${c.size}`, ["false"], () => v.checkConsistency(c.old, flipped(old), c.size, root, list(c.proof)));
    await expect(`${c.old} to another ${c.size}`, ["false"], () => v.checkConsistency(c.old, old, c.size, flipped(root), list(c.proof)));
  }
  for (const c of all.made.ranges) {
    const leaves = list(c.leaves), root = bytes(c.root);
    await each(`range ${c.begin} of ${c.size}`, list(c.proof), (proof) => v.checkRange(leaves, c.begin, c.size, proof, root));
    await expect(`range ${c.begin} of ${c.size}, a leaf less`, ["false"], () => v.checkRange(leaves.slice(1), c.begin, c.size, list(c.proof), root));
    await expect(`range ${c.begin} of ${c.size}, a leaf changed`, ["false"], () => v.checkRange([flipped(leaves[0]), ...leaves.slice(1)], c.begin, c.size, list(c.proof), root));
  }

  // Forms and claims that the vectors leave out.
  const { origin, vkey, note, proof } = all.made.signed, leaf = bytes(all.made.signed.leaf), signed = v.utf8(note);
  await expect("a checkpoint", ["ok"], () => v.openCheckpoint(signed, origin, [vkey]));
  await expect("a checkpoint of another log", ["false"], () => v.openCheckpoint(signed, `${origin}x`, [vkey]));
  await expect("a proof file", ["ok"], () => v.checkProof(v.parseProof(v.utf8(proof)), leaf, origin, [vkey]));
  await expect("a proof file of another leaf", ["false"], () => v.checkProof(v.parseProof(v.utf8(proof)), flipped(leaf), origin, [vkey]));
  const [head, tail] = proof.split(/\n\n([^]*)/);
  for (const text of [head, `${head}\n\n`, proof.slice(0, -1), proof.replace("@v1\n", "@v1\nextra \n"), proof.replace("index ", "index  ")]) {
    await expect(`proof file ${JSON.stringify(text)}`, ["malformed"], () => v.parseProof(v.utf8(text)));
  }
  equal("the checkpoint in a proof file", tail, note);
  const line = note.split("\n\n")[1].trimEnd(), text1 = note.slice(0, -line.length - 1);
  for (const other of [line.replace("—", "-"), line.replace(" ", "  "), `${line} x`, line.replace(/ (\S+) /, " a+b "), "— name AAAA"]) {
    await expect(`signature line ${other}`, ["malformed"], () => v.parseNote(v.utf8(`${text1}${other}\n`)));
  }
  await expect("a long note", ["malformed"], () => v.parseNote(v.utf8(`${"x".repeat(1e6)}\n${note}`)));
  for (const hex of ["", "0".repeat(63), "A".repeat(64), "0".repeat(65)]) { await expect(`hex ${hex}`, ["malformed"], async () => v.fromHex(hex, "It")); }
  await expect("an empty range", ["false"], () => v.checkRange([], 1, 1, [new Uint8Array(32)], new Uint8Array(32)));
  await expect("a cut tile", ["malformed"], () => v.proveInclusion(v.tileReader(async () => new Uint8Array(90), 2), 0, 2));

  // Proofs are made from tiles as muniment.log makes them.
  const { size, tiles } = all.made;
  const load = async (row, number) => bytes(tiles[`${row}/${v.pathNumber(number)}`]), read = v.tileReader(load, size);
  for (const c of all.made.inclusion.filter((one) => one.size === size)) {
    equal(`proof of ${c.index}`, (await v.proveInclusion(read, c.index, size)).map(v.toBase64).join(), c.proof.join());
  }
  for (const c of all.made.consistency.filter((one) => one.size === size)) {
    equal(`proof from ${c.old}`, (await v.proveConsistency(read, c.old, size)).map(v.toBase64).join(), c.proof.join());
  }
  await expect("tiles of a newer log", ["ok"], () => v.proveInclusion(v.tileReader(load, size - 70), 3, size - 70));
  await expect("tiles of an older log", ["unknown"], () => v.proveInclusion(v.tileReader(load, size + 70), size + 1, size + 70));

  const { state } = all.made, root = v.fromHex(state.root, "The root"), shardOf = async (hex) => state.lines[hex];
  const holds = (subject, text, shards, from) => v.checkDocument(root, shards || state.shards, from || shardOf, subject, text);
  for (const [subject, text] of Object.entries(state.documents).filter((one, n) => n % 50 === 0)) { await expect(`document of ${subject}`, ["ok"], () => holds(subject, text)); }
  const [subject, text] = Object.entries(state.documents)[300];
  await expect("another document", ["false"], () => holds(subject, `${text} `));
  await expect("a subject that is not there", ["false"], () => holds("version/none", text));
  await expect("a subject before all", ["false"], () => holds("!", text));
  await expect("shards in another order", ["false"], () => holds(subject, text, state.shards.slice().reverse()));
  await expect("a shard less", ["false"], () => holds(subject, text, state.shards.slice(0, 1)));
  await expect("a shard with another line", ["false"], () => holds(subject, `${text} `, state.shards, async () => {
    return [[subject, v.toHex(await v.sha256(v.utf8(`${text} `)))]];
  }));

  const sorted = all.made.sorted.slice().sort(() => 0).reverse().sort(v.byCodePoint);
  equal("code point order", sorted.join(), all.made.sorted.join());
  for (const [length, want] of all.made.digests) {
    const data = Uint8Array.from({ length }, (_, n) => n * 7 % 256), hash = new Sha256();
    for (let at = 0; at < length; at += 1 + at % 97) { hash.update(data.subarray(at, Math.min(length, at + 1 + at % 97))); }
    equal(`SHA-256 of ${length}`, v.toHex(hash.digest()), want);
  }
  return { count, failures };
}
if (typeof module === "object") { module.exports = runVectors; }
