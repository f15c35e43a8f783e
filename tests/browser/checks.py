"""What pages verify by themselves in Chromium, served and from the disk: what is true holds, each damage is told.

Run by `make browser`, as pages.py is.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import watched
from tests.site.scripts import TESTS, vectors
from tests.web import served

DEMO = Path(os.environ["MUNIMENT_DEMO"]).resolve()
MODELS = DEMO / "work" / "models"
VERSION = "models/aiops/telemetry-anomaly/1.0.0/index.html"
ENTRIES, LOG = "log/entries/000.html", "log/index.html"
SIGNATURE, ON_PAGE, SHOWN = "The checkpoint's signature", "The entries of this page", "What the page shows"
NEWEST, STATE, HASHES, EARLIER = (
    "The newest checkpoint",
    "The state of the registry",
    "The log's hashes",
    "Earlier checkpoints",
)
BLOCK = re.compile(r'(<script type="application/json" id="check-data">)(.*?)(</script>)', re.DOTALL)
NO_ED25519 = """const known = crypto.subtle.importKey.bind(crypto.subtle);
crypto.subtle.importKey = (format, key, algorithm, ...rest) => algorithm.name === 'Ed25519'
  ? Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
  : known(format, key, algorithm, ...rest);"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's site that tests may damage."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DEMO / "site", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session", params=["http", "file"])
def base(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Where the copy is opened."""
    if request.param == "file":
        yield site.as_uri()
        return
    with served(site) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def damage(site: Path) -> Iterator[Callable[[str, Callable[[str], str] | None], None]]:
    """Damages a file of the copy, or with None takes it away; it is whole again after the test."""
    before: dict[Path, bytes] = {}

    def change(path: str, edit: Callable[[str], str] | None) -> None:
        file = next(iter(sorted(site.glob(path))))
        before[file] = file.read_bytes()
        if edit is None:
            file.unlink()
            return
        text = file.read_text("utf-8")
        assert edit(text) != text, "the damage changes nothing"
        file.write_text(edit(text), "utf-8")

    yield change
    for file, data in before.items():
        file.write_bytes(data)


def verified(page: Page) -> dict[str, str]:
    """What each check of an opened page says, by its title."""
    page.locator("#check .run").click()
    expect(page.locator("#check .sum")).to_be_visible()
    return told(page, ".results")


def told(page: Page, part: str) -> dict[str, str]:
    lines = page.locator(f"#check {part} li").all()
    return {line.locator("strong").inner_text(): line.locator(".mark").inner_text() for line in lines}


def in_block(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    """Changes the data block of a page."""

    def edit(text: str) -> str:
        def changed(found: re.Match[str]) -> str:
            value = json.loads(found[2])
            change(value)
            return found[1] + json.dumps(value) + found[3]

        return BLOCK.sub(changed, text)

    return edit


def flip(text: str) -> str:
    """Canonical Base64 of other bytes: the one in the middle is changed."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 4
    return base64.b64encode(data).decode()


def other_signature(note: str) -> str:
    head, _, signature = note.rstrip("\n").rpartition(" ")
    return f"{head} {flip(signature)}\n"


def other_root(note: str) -> str:
    lines = note.split("\n")
    return "\n".join([*lines[:2], flip(lines[2]), *lines[3:]])


def other_digest(text: str) -> str:
    """The first digest shown as copyable, with another last digit."""
    return re.sub(
        r'(<span class="digest"><code>(?:sha256:)?[0-9a-f]{63})(.)', lambda m: m[1] + "01"[m[2] == "0"], text, count=1
    )


def other_digest_of_a_record(text: str) -> str:
    at = text.index("<dt>Statement</dt>")
    return text[:at] + other_digest(text[at:])


def put(*way: Any, edit: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    """Replaces the value at the end of a way of keys."""

    def change(value: Any) -> None:
        for key in way[:-1]:
            value = value[key]
        value[way[-1]] = edit(value[way[-1]])

    return change


def in_leaf(leaf: str) -> str:
    return leaf.replace("2026", "2025").replace("T0", "T1") if "2026" in leaf else leaf + " "


def in_document(documents: dict[str, str]) -> dict[str, str]:
    key = next(k for k in documents if "/version/" in k)
    return documents | {key: documents[key].replace('"events":[', '"events":[0,')}


@pytest.mark.parametrize("path", [VERSION, ENTRIES, LOG])
def test_what_is_true_holds(page: Page, base: str, path: str):
    wrong = watched(page)
    page.goto(f"{base}/{path}")
    assert set(verified(page).values()) == {"Holds"}
    assert page.locator("#check .sum").inner_text() == "All of this holds."
    assert wrong == []


def other(found: re.Match[str]) -> str:
    return found[1] + ("0" if found[2] == "1" else "1")


def other_part(found: re.Match[str]) -> str:
    return f'{other(found)}"]'


def other_newest_signature(text: str) -> str:
    return re.sub(r"(— \S+ [A-Za-z0-9+/]{30})(.)", other, text)


def other_newest_root(text: str) -> str:
    return re.sub(r"(\\n[A-Za-z0-9+/]{5})(.)", other, text, count=1)


DAMAGES: dict[str, tuple[str, str, Any, set[str]]] = {
    "leaf": (VERSION, VERSION, in_block(put("entries", 0, "leaf", edit=in_leaf)), {ON_PAGE}),
    "proof hash": (VERSION, VERSION, in_block(put("entries", 1, "hashes", 0, edit=flip)), {ON_PAGE}),
    "proof hash left out": (VERSION, VERSION, in_block(put("entries", 1, "hashes", edit=lambda h: h[1:])), {ON_PAGE}),
    "index": (VERSION, VERSION, in_block(put("entries", 1, "index", edit=lambda i: i + 1)), {ON_PAGE}),
    "signature": (VERSION, VERSION, in_block(put("checkpoint", edit=other_signature)), {SIGNATURE}),
    "root": (VERSION, VERSION, in_block(put("checkpoint", edit=other_root)), {SIGNATURE, ON_PAGE, NEWEST}),
    "origin": (VERSION, VERSION, in_block(put("origin", edit=lambda o: f"{o}x")), {SIGNATURE, NEWEST, STATE}),
    "state document": (VERSION, VERSION, in_block(put("documents", edit=in_document)), {STATE}),
    "shown digest": (VERSION, VERSION, other_digest, {SHOWN}),
    "shown digest of a record": (VERSION, VERSION, other_digest_of_a_record, {SHOWN}),
    "newest signature": (
        VERSION,
        "log/head.js",
        lambda t: re.sub(r"(— \S+ [A-Za-z0-9+/]{30})(.)", other, t),
        {NEWEST, STATE},
    ),
    "newest root": (
        VERSION,
        "log/head.js",
        lambda t: re.sub(r"(\\n[A-Za-z0-9+/]{5})(.)", other, t, count=1),
        {NEWEST, STATE},
    ),
    "hashes": (VERSION, "log/hashes/0/000.js", lambda t: re.sub(r'(",".{1700})(.)', other, t), {NEWEST, STATE}),
    "state": (VERSION, "state/*/*.js", lambda t: re.sub(r'([0-9a-f]{63})([0-9a-f])"\]', other_part, t), {STATE}),
    "line": (ENTRIES, ENTRIES, lambda t: t.replace("&#34;type&#34;", "&#34;Type&#34;", 1), {ON_PAGE}),
    "line's hash": (ENTRIES, ENTRIES, other_digest, {ON_PAGE}),
    "line left out": (ENTRIES, ENTRIES, lambda t: re.sub(r'<li id="e5".*?</li>', "", t, flags=re.DOTALL), {ON_PAGE}),
    "first entry": (LOG, LOG, in_block(put("genesis", edit=lambda g: f"{g[:-1]}{'01'[g[-1] == '0']}")), {HASHES}),
    "the log's hashes": (
        LOG,
        "log/hashes/0/000.js",
        lambda t: re.sub(r'(",".{1700})(.)', other, t),
        {HASHES, STATE, EARLIER},
    ),
    "earlier checkpoint": (LOG, LOG, in_block(put("earlier", 2, edit=other_signature)), {EARLIER}),
    "list of parts": (LOG, "log/head.js", lambda t: re.sub(r'([0-9a-f]{63})([0-9a-f])"\]', other_part, t), {STATE}),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_each_damage_is_told_as_false(page: Page, base: str, damage: Any, what: str):
    path, file, edit, false = DAMAGES[what]
    damage(file, edit)
    page.goto(f"{base}/{path}")
    marks = verified(page)
    assert {title for title, mark in marks.items() if mark == "False"} == false
    assert "Do not rely on this page" in page.locator("#check .sum").inner_text()


@pytest.mark.parametrize(("file", "lines"), [("log/head.js", {NEWEST, STATE}), ("state/*/*.js", {STATE})])
def test_what_is_missing_is_not_told_as_false(page: Page, base: str, damage: Any, file: str, lines: set[str]):
    damage(file, None)
    page.goto(f"{base}/{VERSION}")
    marks = verified(page)
    assert {title for title, mark in marks.items() if mark == "Not checked"} == lines
    assert "False" not in marks.values()


def test_a_page_newer_than_the_rest_is_not_told_as_false(page: Page, base: str, site: Path, damage: Any):
    """A cache can hold the log's scripts for some minutes longer than a page."""
    old = json.loads(BLOCK.search((site / LOG).read_text())[2])["earlier"][0]  # type: ignore[index]
    damage(
        "log/head.js", lambda text: re.sub(r'"checkpoint":"(.*?)",', lambda _: f'"checkpoint":{json.dumps(old)},', text)
    )
    page.goto(f"{base}/{VERSION}")
    assert verified(page)[NEWEST] == "Not checked"
    page.goto(f"{base}/{LOG}")
    assert verified(page)[HASHES] == "Not checked"


def test_a_page_that_claims_a_place_another_version_holds(page: Page, base: str, site: Path, damage: Any):
    other, rolled_back = VERSION, VERSION.replace("1.0.0", "2.0.0")
    documents = json.loads(BLOCK.search((site / other).read_text())[2])["documents"]  # type: ignore[index]
    place = {subject: text for subject, text in documents.items() if subject.endswith("/production")}
    assert place
    damage(rolled_back, in_block(put("documents", edit=lambda own: own | place)))
    page.goto(f"{base}/{rolled_back}")
    assert verified(page)[STATE] == "False"
    assert "is held by aiops/telemetry-anomaly@1.0.0" in page.locator("#check .results").inner_text()


def test_a_browser_without_ed25519_says_that_it_cannot_check(page: Page, base: str):
    page.add_init_script(NO_ED25519)
    page.goto(f"{base}/{VERSION}")
    marks = verified(page)
    assert {title for title, mark in marks.items() if mark == "Not checked"} == {SIGNATURE, NEWEST, STATE}
    assert marks[ON_PAGE] == "Holds"
    assert "cannot check the signature" in page.locator("#check .results").inner_text()


def test_a_browser_without_cryptography_checks_nothing(page: Page, base: str):
    page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    page.goto(f"{base}/{VERSION}")
    assert set(verified(page).values()) - {"Not checked"} <= {"Holds"}
    assert verified(page)[ON_PAGE] == "Not checked"


def choose(page: Page, *paths: Path) -> dict[str, str]:
    """Chooses a folder, or files, and waits for what is said of them."""
    folder = paths[0].is_dir()
    field = page.locator(f"#check input{'[webkitdirectory]' if folder else ':not([webkitdirectory])'}")
    field.set_input_files([str(p) for p in paths] if not folder else str(paths[0]))
    expect(page.locator("#check .held li")).to_have_count(len(paths), timeout=20000)
    return told(page, ".held")


def test_a_copy_is_held_against_the_version(page: Page, base: str, tmp_path: Path):
    wrong = watched(page)
    page.goto(f"{base}/{VERSION}")
    assert choose(page, MODELS / "telemetry-anomaly-1.0.0") == {"telemetry-anomaly-1.0.0": "Holds"}
    assert choose(page, MODELS / "telemetry-anomaly-2.0.0") == {"telemetry-anomaly-2.0.0": "False"}
    assert "aiops/telemetry-anomaly@2.0.0" in page.locator("#check .held a").inner_text()
    changed = tmp_path / "telemetry-anomaly-1.0.0"
    shutil.copytree(MODELS / "telemetry-anomaly-1.0.0", changed)
    (changed / "config.json").write_text("{}")
    (changed / ".more").write_text("x")
    assert choose(page, changed) == {"telemetry-anomaly-1.0.0": "False"}
    assert "Changed: config.json. Not of it: .more." in page.locator("#check .held").inner_text()
    (tmp_path / "empty").touch()
    one, other = MODELS / "telemetry-anomaly-1.0.0" / "model.joblib", changed / "config.json"
    said = choose(page, one, other, tmp_path / "empty")
    assert said == {"model.joblib": "In part", "config.json": "False", "empty": "Not checked"}
    assert wrong == []


def test_a_dropped_folder_is_read_with_all_below_it(page: Page, base: str, tmp_path: Path):
    page.goto(f"{base}/{VERSION}")
    page.locator("#check .drop").scroll_into_view_if_needed()
    drop(page, MODELS / "telemetry-anomaly-1.0.0" / "config.json")
    expect(page.locator("#check .held strong")).to_have_text("config.json")
    assert told(page, ".held") == {"config.json": "In part"}
    drop(page, MODELS / "telemetry-anomaly-1.0.0")
    expect(page.locator("#check .held strong")).not_to_have_text("config.json")
    if base.startswith("file:"):  # Chromium gives such a page no folders that are dropped, only those that are chosen
        assert told(page, ".held") == {"Files": "Not checked"}
        assert "Choose it with the button." in page.locator("#check .held").inner_text()
        return
    assert told(page, ".held") == {"telemetry-anomaly-1.0.0": "Holds"}
    deep = tmp_path / "deep"
    (deep / "a" / "b").mkdir(parents=True)
    (deep / "a" / "b" / "c").write_text("x")
    drop(page, deep)
    expect(page.locator("#check .held strong")).to_have_text("deep")
    assert "Not of it: a/b/c." in page.locator("#check .held").inner_text()


def drop(page: Page, path: Path) -> None:
    """Drops a file or folder on the page, as the system would."""
    session, box = page.context.new_cdp_session(page), page.locator("#check .drop").bounding_box()
    assert box
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 20, "y": box["y"] + 9, "data": data})


def test_a_large_file_can_be_stopped_and_the_page_stays_alive(page: Page, base: str, tmp_path: Path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(4 << 30)
    page.goto(f"{base}/{VERSION}")
    page.locator("#check input:not([webkitdirectory])").set_input_files(str(large))
    expect(page.locator("#check .progress span")).to_contain_text("of 4,295 MB", timeout=20000)
    page.locator("#check .stop").click()
    expect(page.locator("#check .held li")).to_have_count(1)
    assert told(page, ".held") == {"large": "Not checked"}
    expect(page.locator("#check .progress")).to_be_hidden()


def test_proof_files_are_held_against_the_log(page: Page, base: str, site: Path, tmp_path: Path):
    wrong = watched(page)
    page.goto(f"{base}/{LOG}")
    proof = site / "proof" / "005.tlog-proof"
    altered, foreign = tmp_path / "altered.tlog-proof", tmp_path / "index.html"
    altered.write_text(proof.read_text().replace("index 5", "index 4"))
    foreign.write_text("no proof")
    later, large = tmp_path / "later.tlog-proof", tmp_path / "large"
    later.write_text(proof.read_text().replace("index 5", "index 999"))
    large.write_bytes(b"x" * 1_000_001)
    said = choose(page, proof, altered, foreign, later, large)
    assert said == {"005.tlog-proof": "Holds", "altered.tlog-proof": "False"} | dict.fromkeys(
        ("index.html", "later.tlog-proof", "large"), "Not checked"
    )
    assert "has no entry 999 yet" in page.locator("#check .held").inner_text()
    assert "too long" in page.locator("#check .held").inner_text()
    assert wrong == []


def test_a_pasted_digest_leads_to_its_version(page: Page, base: str, site: Path):
    artifact = json.loads((site / VERSION.replace(".html", ".json")).read_text())["artifacts"][0]["digest"]
    for text in (artifact, artifact.upper(), f"{artifact[7:]}  model.joblib", f" {artifact[7:20]}"):
        page.goto(f"{base}/index.html")
        page.locator("#find").fill(text)
        link = page.locator("#found a").first
        expect(link).to_contain_text("aiops/telemetry-anomaly@1.0.0")
        link.click()
        expect(page.locator("h1")).to_contain_text("1.0.0")


def test_the_keyboard_alone_verifies(page: Page, base: str):
    page.goto(f"{base}/{VERSION}")
    page.locator("#artifacts .copy").last.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#check .sum")).to_be_visible()
    for part in (".results", ".held"):
        assert page.locator(f"#check {part}").get_attribute("role") == "status"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"


def test_without_scripts_nothing_of_it_shows(browser: Browser, base: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/{VERSION}")
    assert not page.locator("#check").is_visible()
    assert page.locator("nav.aside a[href='#check']").count() == 1
    assert not page.locator("nav.aside a[href='#check']").is_visible()
    context.close()


def test_the_checker_passes_every_vector_in_chromium(page: Page, base: str):
    page.goto(f"{base}/{LOG}")
    source = (TESTS / "site" / "vectors.js").read_text("utf-8")
    done = page.evaluate(
        "async (all) => {"
        + source
        + """
          await muniment.script("assets/verify.js");
          await muniment.script("assets/sha256.js");
          return runVectors(muniment.verify, muniment.sha256, all);
        }""",
        vectors(),
    )
    assert done["failures"] == []
    assert done["count"] > 1200
