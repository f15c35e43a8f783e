// The log's formats and proofs, checked with WebCrypto alone: RFC 6962 trees, C2SP notes, checkpoints and proof files.
// Classic script: fills muniment.verify on a page, module.exports elsewhere. What fails throws a Verdict, whose kind is
// "false" (checked, and not so), "malformed" (not in its form) or "unknown" (could not be checked here).
(function () {
  "use strict";
  const HASH = 32, WIDTH = 256, HEIGHT = 8, ED25519 = 1, MAX_NOTE = 1e6, MAX_SIGNATURES = 100, MAX_HASHES = 63;
  const NAME = /^[^+\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/u;

  class Verdict extends Error {
    constructor(kind, message) { super(message); this.kind = kind; }
  }
  const wrong = (message) => new Verdict("false", message);
  const malformed = (message) => new Verdict("malformed", message);
  const unknown = (message) => new Verdict("unknown", message);

  // ---- bytes and texts ----
  const utf8 = (text) => new TextEncoder().encode(text);
  const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
  const toBase64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));

  function fromHex(text, what) {
    if (!/^[0-9a-f]{64}$/.test(text)) { throw malformed(`${what} is not 64 hex digits.`); }
    return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  }

  function fromUtf8(bytes, what) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) { throw malformed(`${what} is not UTF-8.`); }
  }

  // Canonical Base64 only: padded, without line breaks and stray bits.
  function fromBase64(text, what, length) {
    let bytes = null;
    try { bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); } catch (error) { /* told below */ }
    if (!bytes || toBase64(bytes) !== text) { throw malformed(`${what} is not canonical Base64.`); }
    if (length !== undefined && bytes.length !== length) { throw malformed(`${what} has not ${length} bytes.`); }
    return bytes;
  }

  function parseDecimal(text, what) {
    const number = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(number)) { throw malformed(`${what} is not a number this page can count to.`); }
    return number;
  }

  // Code point order, which UTF-8 bytes have and UTF-16 has not.
  function byCodePoint(a, b) {
    const left = Array.from(a), right = Array.from(b);
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      if (left[at] !== right[at]) { return left[at].codePointAt(0) - right[at].codePointAt(0); }
    }
    return left.length - right.length;
  }

  // ---- RFC 6962 ----
  function subtle() {
    const found = globalThis.crypto && globalThis.crypto.subtle;
    if (!found) { throw unknown("This browser offers no cryptography here: it needs https, or the page as a file."); }
    return found;
  }

  async function sha256(...parts) {
    const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { data.set(part, at); at += part.length; }
    return new Uint8Array(await subtle().digest("SHA-256", data));
  }

  const leafHash = (data) => sha256([0], data);
  const nodeHash = (left, right) => sha256([1], left, right);

  // The largest power of two below a count of 2 or more.
  function split(count) {
    let power = 1;
    while (power * 2 < count) { power *= 2; }
    return power;
  }

  async function treeRoot(hashes) {
    if (hashes.length < 2) { return hashes.length ? hashes[0] : sha256(); }
    const middle = split(hashes.length);
    return nodeHash(...await Promise.all([treeRoot(hashes.slice(0, middle)), treeRoot(hashes.slice(middle))]));
  }

  // The siblings [lo, hi, stands on the left] from leaf `index` up, or from the highest subtree that ends at `stop`.
  function siblings(index, size, stop) {
    let lo = 0, hi = size;
    const path = [];
    while (hi - lo > 1 && hi !== stop) {
      const middle = lo + split(hi - lo), onLeft = index >= middle;
      path.push(onLeft ? [lo, middle, true] : [middle, hi, false]);
      if (onLeft) { lo = middle; } else { hi = middle; }
    }
    return path.reverse();
  }

  function requireHashes(...hashes) {
    if (hashes.some((hash) => hash.length !== HASH)) { throw malformed("A hash of the proof has not 32 bytes."); }
  }

  async function checkInclusion(leaf, index, size, proof, root) {
    requireHashes(leaf, root, ...proof);
    if (!(index >= 0 && index < size)) { throw wrong(`A tree of ${size} leaves has no leaf ${index}.`); }
    const path = siblings(index, size);
    if (path.length !== proof.length) { throw wrong(`The proof of leaf ${index} has not ${path.length} hashes.`); }
    let computed = leaf;
    for (const [at, [, , onLeft]] of path.entries()) {
      computed = await (onLeft ? nodeHash(proof[at], computed) : nodeHash(computed, proof[at]));
    }
    if (!same(computed, root)) { throw wrong(`Leaf ${index} is not in the tree of ${size} leaves with this root.`); }
  }

  async function checkConsistency(old, oldRoot, size, root, proof) {
    requireHashes(...proof, ...(old < size ? [oldRoot, root] : []));
    if (!(old >= 1 && old <= size)) { throw wrong(`Nothing proves that size ${size} continues size ${old}.`); }
    const path = siblings(old - 1, size, old), seeded = path.some(([, , onLeft]) => onLeft) ? 1 : 0;
    if (proof.length !== path.length + seeded) { throw wrong(`The proof has not ${path.length + seeded} hashes.`); }
    let first = seeded ? proof[0] : oldRoot, then = first;
    for (const [at, [, , onLeft]] of path.entries()) {
      const sibling = proof[at + seeded];
      if (onLeft) { first = await nodeHash(sibling, first); }
      then = await (onLeft ? nodeHash(sibling, then) : nodeHash(then, sibling));
    }
    if (!same(first, oldRoot) || !same(then, root)) {
      throw wrong(`The tree of ${size} leaves does not continue the tree of ${old}.`);
    }
  }

  // Leaf hashes that stand side by side from `begin`, and the hashes left and right of them.
  async function checkRange(leaves, begin, size, proof, root) {
    requireHashes(root, ...leaves, ...proof);
    const end = begin + leaves.length, rest = proof.slice();
    if (!(begin >= 0 && begin < end && end <= size)) { throw wrong(`A tree of ${size} has no ${begin} to ${end}.`); }
    const rootOf = async (lo, hi) => {
      if (hi <= begin || end <= lo) {
        if (!rest.length) { throw wrong("The range proof has too few hashes."); }
        return rest.shift();
      }
      if (hi - lo === 1) { return leaves[lo - begin]; }
      const middle = lo + split(hi - lo), left = await rootOf(lo, middle);
      return nodeHash(left, await rootOf(middle, hi));
    };
    const computed = await rootOf(0, size);
    if (rest.length || !same(computed, root)) { throw wrong(`Leaves ${begin} to ${end - 1} are not under this root.`); }
  }

  // ---- hashes of complete subtrees, and proofs made from them; read(level, index) gives one ----

  // `load(row, number)` gives a tile: 32-byte hashes, each the root of 256^row leaves.
  function tileReader(load, size) {
    const tiles = new Map();
    const tile = async (row, number) => {
      const bytes = await load(row, number);
      const width = Math.min(Math.floor(size / WIDTH ** row) - number * WIDTH, WIDTH);
      if (bytes.length % HASH) { throw malformed("A list of hashes is cut off."); }
      if (bytes.length < width * HASH) { throw unknown("The log's hashes are older than the checkpoint. Load the page again."); }
      return bytes;
    };
    return async (level, index) => {
      const row = Math.floor(level / HEIGHT), span = 2 ** (level % HEIGHT);
      const number = Math.floor(index * span / WIDTH), at = index * span % WIDTH, key = `${row}/${number}`;
      if (!tiles.has(key)) { tiles.set(key, tile(row, number)); }
      const bytes = await tiles.get(key);
      return treeRoot(Array.from({ length: span }, (_, n) => bytes.subarray((at + n) * HASH, (at + n + 1) * HASH)));
    };
  }

  // Numbers of tiles as C2SP writes them: 1234067 is x001/x234/067.
  function pathNumber(number) {
    const digits = String(number), groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.../g);
    return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  }

  // The root of leaves [lo, hi), a subtree of RFC 6962's recursion.
  async function spanRoot(read, lo, hi) {
    const parts = [];
    while (lo < hi) {
      let level = 0;
      while (2 ** (level + 1) <= hi - lo) { level += 1; }
      parts.push(read(level, lo / 2 ** level));
      lo += 2 ** level;
    }
    const hashes = await Promise.all(parts);
    let computed = hashes.pop();
    while (hashes.length) { computed = await nodeHash(hashes.pop(), computed); }
    return computed;
  }

  function proveInclusion(read, index, size) {
    return Promise.all(siblings(index, size).map(([lo, hi]) => spanRoot(read, lo, hi)));
  }

  async function proveConsistency(read, old, size) {
    const path = siblings(old - 1, size, old);
    const start = Math.max(0, ...path.filter(([, , onLeft]) => onLeft).map(([, hi]) => hi));
    const hashes = await Promise.all(path.map(([lo, hi]) => spanRoot(read, lo, hi)));
    return start ? [await spanRoot(read, start, old), ...hashes] : hashes;
  }

  // ---- notes and checkpoints ----
  function parseNote(bytes) {
    if (bytes.length > MAX_NOTE) { throw malformed("The note is too long."); }
    const whole = fromUtf8(bytes, "The note"), at = whole.lastIndexOf("\n\n"), text = whole.slice(0, at + 1);
    const lines = whole.slice(at + 2).split("\n");
    if (at < 0 || lines.pop() !== "" || !lines.length) { throw malformed("The note has no signature lines."); }
    if (lines.length > MAX_SIGNATURES) { throw malformed("The note has too many signatures."); }
    if (/[\x00-\x09\x0b-\x1f]/.test(text)) { throw malformed("The note holds a control character."); }
    return { text, signatures: lines.map(parseSignature) };
  }

  function parseSignature(line) {
    const parts = line.split(" ");
    if (parts.length !== 3 || parts[0] !== "—" || !NAME.test(parts[1])) { throw malformed("A signature line is wrong."); }
    const raw = fromBase64(parts[2], "A signature");
    if (raw.length < 5) { throw malformed("A signature is empty."); }
    return { name: parts[1], id: toHex(raw.slice(0, 4)), signature: raw.slice(4) };
  }

  async function parseVkey(text) {
    const parts = text.split("+"), name = parts[0], id = parts[1];
    const raw = fromBase64(parts.slice(2).join("+"), "The log's key");
    if (parts.length < 3 || !NAME.test(name) || raw.length !== HASH + 1 || raw[0] !== ED25519) {
      throw malformed("The log's key is not name+id+key of an Ed25519 key.");
    }
    if (toHex((await sha256(utf8(`${name}\n`), raw)).slice(0, 4)) !== id) { throw malformed("The key has another's id."); }
    return { name, id, key: raw.slice(1) };
  }

  async function checkSignature(key, text, signature) {
    let imported = null;
    const engine = subtle();
    try {
      imported = await engine.importKey("raw", key.key, { name: "Ed25519" }, false, ["verify"]);
    } catch (error) { throw unknown("This browser cannot check the signature: it does not know Ed25519."); }
    const holds = await engine.verify({ name: "Ed25519" }, imported, signature, utf8(text));
    if (!holds) { throw wrong(`The signature of ${key.name} is false.`); }
  }

  // The note's text and the keys that signed it. One false signature of a known key refuses the note.
  async function openNote(bytes, vkeys) {
    const note = parseNote(bytes), keys = await Promise.all(vkeys.map(parseVkey)), signers = new Map();
    for (const { name, id, signature } of note.signatures) {
      const key = keys.find((one) => one.name === name && one.id === id);
      if (key) {
        await checkSignature(key, note.text, signature);
        signers.set(`${name}+${id}`, key);
      }
    }
    if (!signers.size) { throw wrong("No known key signed it."); }
    return { text: note.text, signers: Array.from(signers.values()) };
  }

  function parseCheckpoint(text) {
    const lines = text.split("\n");
    if (lines.pop() !== "" || lines.length < 3 || lines.some((line) => !line || /[\x00-\x1f]/.test(line))) {
      throw malformed("The text is not origin, size and root on a line each.");
    }
    const size = parseDecimal(lines[1], "The size"), root = fromBase64(lines[2], "The root", HASH);
    return { origin: lines[0], size, root, extensions: lines.slice(3) };
  }

  async function openCheckpoint(bytes, origin, vkeys) {
    const { text, signers } = await openNote(bytes, vkeys), checkpoint = parseCheckpoint(text);
    if (checkpoint.origin !== origin) { throw wrong(`The checkpoint is of the log ${checkpoint.origin}, not ${origin}.`); }
    return { ...checkpoint, signers };
  }

  // ---- proof files ----
  function parseProof(bytes) {
    const at = bytes.findIndex((byte, n) => byte === 10 && bytes[n + 1] === 10);
    const lines = fromUtf8(bytes.subarray(0, Math.max(at, 0)), "The proof").split("\n");
    if (at < 0 || bytes.length === at + 2 || bytes[bytes.length - 1] !== 10) { throw malformed("It has no checkpoint."); }
    if (lines.shift() !== "c2sp.org/tlog-proof@v1") { throw malformed("It is not a .tlog-proof file."); }
    if ((lines[0] || "").startsWith("extra ")) {
      if (!fromBase64(lines.shift().slice(6), "The extra data").length) { throw malformed("The extra data is empty."); }
    }
    const index = (lines.shift() || "").match(/^index (.*)$/);
    if (!index || lines.length > MAX_HASHES) { throw malformed("The proof has no index, or too many hashes."); }
    const hashes = lines.map((line) => fromBase64(line, "A hash of the proof", HASH));
    return { index: parseDecimal(index[1], "The index"), hashes, checkpoint: bytes.slice(at + 2) };
  }

  async function checkProof(proof, leaf, origin, vkeys) {
    const checkpoint = await openCheckpoint(proof.checkpoint, origin, vkeys);
    await checkInclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root);
    return checkpoint;
  }

  // ---- the state: sorted lines of subject and digest, 256 a shard ----

  // `shards` are [first subject, root in hex] of each shard, in order; together they must lead to the state's root.
  async function checkShards(root, shards) {
    const roots = shards.map(([, hex]) => fromHex(hex, "The root of a part of the state"));
    if (!same(await treeRoot(roots), root)) { throw wrong("The parts of the state do not lead to its root in the log."); }
  }

  // Holds if `subject` has this document under `root`; load(root in hex) gives a shard's [subject, digest in hex] pairs.
  async function checkDocument(root, shards, load, subject, document) {
    await checkShards(root, shards);
    const shard = shards.filter(([first]) => byCodePoint(first, subject) <= 0).pop();
    const lines = shard ? await load(shard[1]) : [];
    const hashes = await Promise.all(lines.map(([name, digest]) => leafHash(utf8(`${name} ${digest}\n`))));
    if (shard && toHex(await treeRoot(hashes)) !== shard[1]) { throw wrong("A part of the state was altered."); }
    const line = lines.find(([name]) => name === subject);
    if (!line) { throw wrong(`The newest state knows no ${subject}.`); }
    if (line[1] !== toHex(await sha256(utf8(document)))) { throw wrong(`The newest state says otherwise of ${subject}.`); }
  }

  const made = {
    Verdict, wrong, malformed, unknown, utf8, toHex, fromHex, fromUtf8, fromBase64, toBase64, same, byCodePoint, sha256,
    leafHash, nodeHash, treeRoot, checkInclusion, checkConsistency, checkRange, tileReader, pathNumber, proveInclusion,
    proveConsistency, parseNote, parseVkey, openNote, parseCheckpoint, openCheckpoint, parseProof, checkProof,
    checkShards, checkDocument,
  };
  if (typeof module === "object") { module.exports = made; } else { window.muniment.verify = made; }
})();
