import logging
import os
import sys
from pathlib import Path

import pytest

from muniment.core.errors import Malformed, Missing, Rejected, Unchecked, Usage
from muniment.evidence.artifact import measure
from muniment.evidence.check import check_evidence
from muniment.evidence.link import link_statement, materials_of, record
from muniment.evidence.statement import Statement, Subject

P = Path


def run(workshop, command, materials=("data",), products=("model",), **more):
    return record("train", command, [P(m) for m in materials], [P(p) for p in products], workshop.root, 60, **more)


def test_a_step_is_recorded(workshop):
    command = [sys.executable, "-c", "open('model/weights.bin', 'w').write('new')"]
    statement = run(workshop, command)
    subjects = {s.name: s.digest for s in statement.subjects}
    model = measure(workshop.model)
    assert subjects == {"model/": model.digest} | {f"model/{f.path}": f.digest for f in model.files}
    materials = dict(materials_of(statement.predicate))
    data = measure(workshop.data)
    assert materials == {"data/": data.digest} | {f"data/{f.path}": f.digest for f in data.files}
    assert statement.predicate["command"] == command
    assert statement.predicate["byproducts"] == {"return-value": 0}
    check_evidence(statement)


def test_materials_are_as_they_were_before(workshop):
    before = measure(workshop.data).digest
    statement = run(workshop, [sys.executable, "-c", "open('data/train.csv', 'a').write('poison')"])
    assert dict(materials_of(statement.predicate))["data/"] == before
    assert measure(workshop.data).digest != before


@pytest.mark.parametrize("name", ["a.link", "b.pyc", "c~", ".git/config", "mit leer ünï.txt", "file:x", "dir:y", "!z"])
def test_nothing_is_left_out(workshop, name):
    workshop.write(f"model/{name}", "x")
    assert f"model/{name}" in {s.name for s in run(workshop, ["true"]).subjects}
    workshop.write(f"lone/{name}", "x")
    assert f"lone/{name}" in {s.name for s in run(workshop, ["true"], products=(f"lone/{name}",)).subjects}


def test_the_process_stays_where_it_is(workshop):
    here, environ = os.getcwd(), dict(os.environ)
    run(workshop, ["true"])
    assert (os.getcwd(), dict(os.environ)) == (here, environ)


def test_what_the_step_prints_goes_to_stderr(workshop, capfd):
    logging.getLogger("in_toto").setLevel(logging.ERROR)
    run(workshop, ["echo", "hello"])
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "hello\n")


def test_steps_that_fail(workshop):
    with pytest.raises(Rejected, match="exit code 3"):
        run(workshop, [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(Missing, match="no-such-command"):
        run(workshop, ["no-such-command"])
    with pytest.raises(Unchecked, match="longer than"):
        record("train", ["sleep", "30"], [], [workshop.model], workshop.root, 0.2)


def test_paths_that_are_not_there(workshop):
    with pytest.raises(Missing, match="absent"):
        run(workshop, ["true"], materials=("absent",))
    with pytest.raises(Missing, match="absent"):
        run(workshop, ["true"], products=("absent",))


def test_paths_that_cannot_be_recorded(workshop):
    (workshop.root / "alias").symlink_to("model")
    (workshop.root / "empty").mkdir()
    os.mkfifo(workshop.root / "model" / "fifo")
    for name in ("alias", "empty", "model"):
        with pytest.raises(Malformed):
            run(workshop, ["true"], materials=(name,))
    for name in ("..", "../x", "."):
        (workshop.root.parent / "x").write_text("x")
        with pytest.raises(Usage):
            run(workshop, ["true"], materials=(name,))


def test_calls_put_wrongly(workshop):
    for command, products in (([], ("model",)), (["true"], ())):
        with pytest.raises(Usage):
            run(workshop, command, products=products)


def test_links_of_others_that_are_refused(workshop):
    good = link_statement("train", ["true"], {}, {"m": measure(workshop.model).digest})
    check_evidence(good)
    material = {"name": "a", "digest": {"sha256": "0" * 64}}
    for change in (
        {"name": ""},
        {"materials": [material, material]},
        {"materials": [{"name": "a", "digest": {}}]},
        {"materials": [{"name": "a", "digest": {"sha256": "0"}}]},
        {"command": "true"},
        {"byproducts": {"return-value": 1}},
    ):
        bad = Statement((Subject("m", good.subjects[0].digest),), good.predicate_type, {**good.predicate, **change})
        with pytest.raises(Malformed):
            check_evidence(bad)
