import dataclasses
import hashlib
import json

import pytest

from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Mismatch
from muniment.evidence.artifact import manifest_digest, measure
from muniment.evidence.oms import check_signature, covers, signature_statement
from muniment.evidence.statement import Statement, Subject, format_statement, parse_statement


@pytest.fixture
def measured(tmp_path):
    model = tmp_path / "model"
    for name, text in {"a/x": "1", "a-b/x": "2"}.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(text)
    return measure(model)


def remade(statement, **changes):
    """A copy with changed `serialization` or `resources`, its root as they say."""
    predicate = json.loads(json.dumps(statement.predicate)) | {k: v for k, v in changes.items() if k == "resources"}
    predicate["serialization"] |= {k: v for k, v in changes.items() if k != "resources"}
    try:
        root = manifest_digest(Digest(r["digest"]) for r in predicate["resources"])
    except (Malformed, KeyError, TypeError):
        root = statement.subjects[0].digest
    return Statement((Subject("model", root),), statement.predicate_type, predicate)


def test_a_directory(measured):
    statement = parse_statement(format_statement(signature_statement(measured)))
    assert statement.subjects == (Subject("model", measured.digest),)
    assert [r["name"] for r in statement.predicate["resources"]] == ["a-b/x", "a/x"]
    assert set(statement.predicate) == {"serialization", "resources"}
    assert covers(statement, measured.digest)
    assert not covers(statement, Digest(hashlib.sha256(b"1").hexdigest()))


def test_a_lone_file_in_both_spellings(tmp_path):
    (tmp_path / "w.bin").write_text("w")
    measured = measure(tmp_path / "w.bin")
    statement = signature_statement(measured)
    assert [r["name"] for r in statement.predicate["resources"]] == ["."]
    spelled = remade(statement, resources=[statement.predicate["resources"][0] | {"name": "w.bin"}])
    for either in (statement, spelled):
        assert covers(either, measured.digest)
        check_signature(either)


def test_another_order_of_files_is_the_same_model(measured):
    """model-signing 1.1.1 sorts by path component."""
    statement = signature_statement(measured)
    theirs = remade(statement, resources=statement.predicate["resources"][::-1])
    assert theirs.subjects[0].digest != measured.digest
    assert covers(theirs, measured.digest)


def test_a_root_that_is_not_of_its_files(measured):
    statement = signature_statement(measured)
    forged = dataclasses.replace(statement, subjects=(Subject("model", Digest("0" * 64)),))
    with pytest.raises(Mismatch):
        check_signature(forged)
    assert not covers(forged, Digest("0" * 64))


RESOURCE = {"name": "w", "algorithm": "sha256", "digest": "0" * 64}
DEFECTS = {
    "a name twice": {"resources": [RESOURCE, RESOURCE]},
    "no files": {"resources": []},
    "a name that leads out": {"resources": [RESOURCE | {"name": "../w"}]},
    "an absolute name": {"resources": [RESOURCE | {"name": "/etc/passwd"}]},
    "a dot among others": {"resources": [RESOURCE, RESOURCE | {"name": "."}]},
    "another hash": {"resources": [RESOURCE | {"algorithm": "blake2b"}]},
    "a bad digest": {"resources": [RESOURCE | {"digest": "00"}]},
    "no digest": {"resources": [{"name": "w", "algorithm": "sha256"}]},
    "shards": {"method": "shards"},
    "a hidden file": {"ignore_paths": ["backdoor.py"]},
    "a hidden signature below": {"ignore_paths": ["sub/model.sig"]},
    "everything hidden": {"ignore_paths": ["."]},
    "ignore_paths that is text": {"ignore_paths": ".git"},
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_statements_that_are_refused(measured, defect):
    statement = remade(signature_statement(measured), **DEFECTS[defect])
    with pytest.raises(Malformed):
        check_signature(statement)
    assert not covers(statement, statement.subjects[0].digest)


def test_what_git_and_signing_tools_leave_is_harmless(measured):
    ignored = [".git", ".gitattributes", ".github", ".gitignore", "model.sig"]
    statement = remade(signature_statement(measured), ignore_paths=ignored)
    check_signature(statement)
    assert covers(statement, measured.digest)


def test_other_statements_cover_nothing(measured):
    statement = dataclasses.replace(signature_statement(measured), predicate_type="https://example.org/other")
    assert not covers(statement, measured.digest)
    with pytest.raises(Malformed):
        check_signature(dataclasses.replace(statement, subjects=statement.subjects * 2))
