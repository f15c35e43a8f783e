"""Decisions on pages: beside the findings that they repeat, as entries of the log, and as files to take."""

from __future__ import annotations

from pathlib import Path

from muniment.registry.sequencer import publish
from tests.cli.run import muniment
from tests.registry.test_deciding import VERSION, Signer
from tests.registry.test_deciding import ready as ready
from tests.world import World, now


def test_a_version_links_to_its_decisions(ready: World, tmp_path: Path) -> None:
    store = ready.copy(tmp_path / "registry")
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    release, summary, decision = (e for e in done.admitted if e.kind != "state")
    assert muniment("site", store.root, tmp_path / "site").code == 0
    page = tmp_path / "site" / "models" / VERSION.name.namespace / VERSION.name.name / VERSION.version / "index.html"
    text = page.read_text("utf-8")
    assert "Said by the sequencer:" in text
    for entry, title in ((summary, "verification summary"), (decision, "policy decision")):
        assert entry.record is not None
        bundle = entry.record.bundle.hex
        link = f'blob/sha256/{bundle[:2]}/{bundle}" download>{title}</a>'
        assert link in text
        assert (tmp_path / "site" / "blob" / "sha256" / bundle[:2] / bundle).is_file()
        assert f"#{entry.index}</a>" in text
    log = "".join(p.read_text("utf-8") for p in (tmp_path / "site" / "log").rglob("*.html"))
    assert log.count("<dt>Decides on</dt>") == 2
    assert log.count(f'aria-label="Log entry {release.index}">#{release.index}</a> Released 1 artifact</dd>') == 2


def test_the_access_page_names_the_sequencer(ready: World, tmp_path: Path) -> None:
    assert muniment("site", ready.store.root, tmp_path / "site").code == 0
    config = ready.history.state.config
    assert config is not None
    assert config.sequencer is not None
    page = (tmp_path / "site" / "access" / "index.html").read_text("utf-8")
    assert "signs the decisions at gates" in page
    assert config.sequencer.subject in page.partition('id="sequencer"')[2].partition("</section>")[0]
