"""The demo's story, event by event, on real data with real models; the order here is what tests hold it to."""

from __future__ import annotations

import os
from pathlib import Path

from muniment.core.digest import digest_of
from muniment.core.errors import Refused
from muniment.core.name import Name, VersionId
from muniment.demo import documents, pipeline
from muniment.demo.nab import find_group
from muniment.demo.stage import OPERATOR, REVIEWER, TRAINER, Stage
from muniment.evidence import attest, link
from muniment.evidence.artifact import measure
from muniment.evidence.bom.make import attest_bom
from muniment.evidence.statement import Statement, format_statement
from muniment.registry import propose, recovery
from muniment.registry.event import ReleasedArtifact
from muniment.registry.reach import evidence_about

NAMESPACE = "aiops"
DETECTOR, PREDICTOR = "telemetry-anomaly", "incident-risk"
PRODUCTION = "production"
INCIDENT = "INC-2026-0417"


def tell(stage: Stage, data: Path) -> None:
    """Everything that happens in the registry, in order."""
    _prepare(stage, data)
    first = _make(stage, DETECTOR, "1.0.0")
    _promote(stage, first, "staging", "first detector")
    stood = _promote_approved(stage, first, "ran in staging beside the thresholds in use")
    second = _make(stage, DETECTOR, "2.0.0")
    stands = _promote_late(stage, second, "retrained on the labelled windows")
    if stood and stands:
        _roll_back(stage, first.name)
    else:  # on other people's data a detector may be worth too little for production
        stage.say("no rollback: not both versions were admitted to production")
    risk = _make(stage, PREDICTOR, "1.0.0")
    _promote(stage, risk, "staging", "a second model: warn before an incident begins")


def version_id(name: str, version: str) -> VersionId:
    """A version in the demo's namespace."""
    return VersionId(Name(NAMESPACE, name), version)


def _prepare(stage: Stage, data: Path) -> None:
    """The dataset is copied, described and released, and features are made from it."""
    group = find_group(data)
    folder = pipeline.copy_dataset(group, stage.workspace)
    about = documents.write_dataset(stage.workspace, group)
    stage.say(f"releasing the dataset: {len(group.files)} labelled series")
    record = attest.attest_dataset(folder, about)
    stage.put(TRAINER, record)
    _release(stage, version_id("telemetry", "1"), folder, "dataset")
    stage.say("preparing features")
    stage.put(TRAINER, _run(stage, pipeline.prepare_step()))


def _make(stage: Stage, name: str, version: str) -> VersionId:
    """A model is trained, evaluated, described, signed and released."""
    stage.say(f"training and evaluating {name} {version}")
    trained = _run(stage, pipeline.train_step(name, version))
    evaluated = _run(stage, pipeline.evaluate_step(name, version))
    folder = stage.workspace / pipeline.model_folder(name, version)
    about = documents.write_model(stage.workspace, name, version)
    environ = {**os.environ, **pipeline.ENVIRONMENT, **stage.sandbox.environ(TRAINER)}
    stage.say(f"attesting and releasing {name} {version}")
    stage.put(
        TRAINER,
        trained,
        evaluated,
        attest.attest_signature(folder),
        attest.attest_provenance(folder, about.recipe, environ),
        attest.attest_evaluation(folder, about.evaluation, stage.clock()),
        attest_bom(folder, about.card, stage.clock()),
    )
    return _release(stage, version_id(name, version), folder, "model")


def _run(stage: Stage, step: pipeline.Step) -> Statement:
    root = stage.workspace
    materials = [root / path for path in step.materials]
    products = [root / path for path in step.products]
    return link.record(
        step.name, step.command, materials, products, root, timeout=300, environ=pipeline.step_environment()
    )


def _release(stage: Stage, version: VersionId, folder: Path, kind: str) -> VersionId:
    artifacts = (ReleasedArtifact(folder.name, kind, measure(folder).digest),)
    evidence = evidence_about(stage.state, artifacts)
    stage.put(TRAINER, propose.release(stage.state, version, artifacts, evidence, stage.clock()))
    told = stage.said[-1]
    if "release" not in told.kinds:
        raise Refused(f"{version} was not released: {' '.join(told.turned)}", "Give data whose dataset.yaml allows it.")
    return version


def _promote(stage: Stage, version: VersionId, environment: str, reason: str) -> Statement:
    stage.say(f"promoting {version} to {environment}")
    statement = propose.promote(stage.state, version, environment, reason, stage.clock())
    stage.put(OPERATOR, statement)
    return statement


def _promote_approved(stage: Stage, version: VersionId, reason: str) -> bool:
    """The reviewer approves the promotion while it waits in the inbox; one publish admits both, if it is admitted."""
    stage.say(f"promoting {version} to {PRODUCTION}, approved")
    statement = propose.promote(stage.state, version, PRODUCTION, reason, stage.clock())
    stage.submit(OPERATOR, statement)
    return _approve(stage, statement, "evaluation and recipe looked at")


def _promote_late(stage: Stage, version: VersionId, reason: str) -> bool:
    """The operator is refused for want of an approval; the promotion waits, and is admitted once there is one."""
    statement = _promote(stage, version, PRODUCTION, reason)
    stage.say(f"  refused: {stage.said[-1].turned[-1]}")
    stage.say(f"approving {version}")
    return _approve(stage, statement, "recipe, data and numbers of both versions compared")


def _approve(stage: Stage, statement: Statement, reason: str) -> bool:
    """Approves a promotion that waits; whether it was admitted then."""
    target = digest_of(format_statement(statement))
    stage.put(REVIEWER, propose.approve(stage.state, target, REVIEWER, reason, stage.clock()))
    told = stage.said[-1]
    for fact in told.turned:
        stage.say(f"  refused: {fact}")
    return "promote" in told.kinds


def _roll_back(stage: Stage, name: Name) -> None:
    stage.say(f"incident {INCIDENT}: rolling {name} back")
    seen, standing = "silent while a machine failed", stage.state.current(name, PRODUCTION)
    opened = propose.incident(
        stage.state,
        name,
        INCIDENT,
        "opened",
        seen,
        stage.clock(),
        severity="high",
        environment=PRODUCTION,
        version=standing,
    )
    stage.put(OPERATOR, opened)
    reason = "silent in an incident; by its evaluation it finds fewer of the labelled windows than the version before"
    statement = recovery.rollback(stage.state, name, PRODUCTION, None, INCIDENT, reason, stage.clock())
    stage.put(OPERATOR, statement)
