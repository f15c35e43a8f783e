r"""In what order things were said: an append-only log that convicts whoever rewrites it. It knows nothing of models.

The idea. Leaves are bytes in an order. A Merkle tree (RFC 6962) reduces them to a root of 32 bytes, such that log2(n)
hashes prove that a leaf is in the tree, or that a tree continues an older one. The log signs (origin, size, root): a
checkpoint. It can show nobody another past without two of its signatures standing against each other; witnesses
cosign a checkpoint after they have checked that it continues the last they saw. All functions here are pure: bytes
and hashes in, bytes, values or errors out. `Malformed` is bytes without their form, `Untrusted` a claim that is false.

The formats, byte for byte (C2SP signed-note, and tlog-checkpoint, -cosignature, -tiles, -proof, -policy, -witness):

    leaf hash      SHA-256(0x00 || leaf)
    node hash      SHA-256(0x01 || left || right); n leaves split after the largest power of two below n
    empty root     SHA-256("")
    leaf file      log/000.jsonl          256 leaves, each leaf || 0x0A
    tile           tile/<L>/<N>[.p/<W>]   256 (W) hashes, each the root of 256^L leaves
    entry bundle   tile/entries/<N>[.p/<W>]   256 (W) times uint16 length || leaf
    note           text "\n" lines; text ends in "\n"; line: "— " name " " base64(id || signature) "\n"
    key id         SHA-256(name || 0x0A || type || public key)[:4]; type 0x01 Ed25519, 0x04 and 0x06 cosignatures
    vkey           name "+" hex(id) "+" base64(type || public key)
    checkpoint     a note whose text is origin "\n" size "\n" base64(root) "\n"
    cosignature    u64 time || Ed25519("cosignature/v1\ntime " time "\n" text), or of ML-DSA-44: see `note`
    witness        is asked "old " size "\n" {base64(hash) "\n"} "\n" checkpoint; serves hex(SHA-256(origin))/checkpoint
    proof file     "c2sp.org/tlog-proof@v1\n" ["extra " base64 "\n"] "index " i "\n" {base64(hash) "\n"} "\n" checkpoint
    state leaf     subject " " hex(SHA-256(document)) "\n", sorted by bytes; its tree proves presence and absence

Numbers are decimal without leading zeroes; <N> is in groups of three digits (1234067 is x001/x234/067); integers are
big-endian; Base64 is RFC 4648 section 4, padded.

A worked example, a log of three leaves. Never use such a seed:

    >>> from muniment.log.merkle import MemoryTree, leaf_hash, prove_inclusion
    >>> leaves = [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    >>> tree = MemoryTree(map(leaf_hash, leaves))
    >>> tree.root().hex()
    '15a780c86283d42c8c13ad385bf96794f2b61becf22ceff08d0255e0551c878f'

    >>> from muniment.log.lines import format_lines, leaf_file
    >>> leaf_file(2), format_lines(leaves)
    ('log/000.jsonl', b'{"a":1}\n{"b":2}\n{"c":3}\n')
    >>> from muniment.log.tiles import entry_bundles, tiles
    >>> [(path, len(data)) for path, data in tiles(tree, [2, 3])]
    [('tile/0/000.p/2', 64), ('tile/0/000.p/3', 96)]
    >>> list(entry_bundles(leaves, [2]))
    [('tile/entries/000.p/2', b'\x00\x07{"a":1}\x00\x07{"b":2}')]

    >>> from muniment.log.checkpoint import Checkpoint, sign_checkpoint
    >>> from muniment.log.note import NoteSigner, parse_vkey
    >>> key = NoteSigner("example.org/log", bytes(range(32)))
    >>> key.vkey
    'example.org/log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'
    >>> note = sign_checkpoint(Checkpoint("example.org/log", 3, tree.root()), key)

    >>> from muniment.log.proof import TlogProof, check_proof, format_proof, parse_proof
    >>> file = format_proof(TlogProof(2, prove_inclusion(tree, 2, 3), note))
    >>> print(file.decode().replace("\n\n", "\n.\n"), end="")
    c2sp.org/tlog-proof@v1
    index 2
    bmlYegtXDYxdARTFGp1nda0mUHGLG5gZjedRMUN6TAY=
    .
    example.org/log
    3
    FaeAyGKD1CyME604W/lnlPK2G+zyLO/wjQJV4FUch48=
    .
    — example.org/log mK8CO+m7jo2SdRFR3VtXNWwN6q4fRDP8Vc+MDGbNK4Q6jeiZoQbLoPJXqD3eJwbloKsaenjZW6i4hr6/bXE++SRCEw4=
    >>> known = [parse_vkey(key.vkey)]
    >>> check_proof(parse_proof(file), leaf_hash(leaves[2]), "example.org/log", known).size
    3
    >>> check_proof(parse_proof(file), leaf_hash(leaves[1]), "example.org/log", known)
    Traceback (most recent call last):
    muniment.core.errors.Untrusted: Leaf 2 is not in the tree of 3 leaves with this root. Do not use this proof.

    >>> from muniment.log.statetree import StateTree, check_absence, check_presence, format_leaf
    >>> state = StateTree({"a": b"{}", "c": b"[]"})
    >>> format_leaf(state.leaves[0])
    b'a 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n'
    >>> check_presence(state.root, 2, "a", b"{}", state.prove("a"))
    >>> check_absence(state.root, 2, "b", state.prove_absence("b"))
"""
