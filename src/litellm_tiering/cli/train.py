"""``train``: a router, or with ``--gate`` an acceptability gate, from recorded outcomes."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.learned import matched_in
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json
from litellm_tiering.cli.eval_parts import named_tiers, settings_for, tiers_of
from litellm_tiering.cli.options import add_models, add_outcomes
from litellm_tiering.cli.progress import EVERY, Progress, lines_in, progress
from litellm_tiering.cli.score import Scorer
from litellm_tiering.cli.settings import optional
from litellm_tiering.config.build import build
from litellm_tiering.config.build_chain import rules_in
from litellm_tiering.config.load import SECTION, from_mapping
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller
from litellm_tiering.errors import ConfigError, TieringError
from litellm_tiering.evals.provenance import digest_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import PromptText, RequestFeatures
    from litellm_tiering.evals.compare import Tiers
    from litellm_tiering.evals.outcomes import Outcome, OutcomeReport
    from litellm_tiering.evals.train_rows import Rows

_NOBODY = Caller()
_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "train",
        help="a classifier, or a gate, trained on your own recorded outcomes",
        description="Reads lines {id, prompt or messages, responses: {MODEL: {correct or score, cost?}}}, "
        "trains a classifier that predicts how much better the stronger model's answer would be, tells what "
        "it is worth on lines held out, and writes it for a `learned` classifier's `path`. One that does not "
        "rank held-out questions better than counting their words is not written, and the exit status is 1. "
        "With --gate: a model for an `acceptable` gate. Needs numpy: pip install 'litellm-tiering[train]'.",
    )
    add_outcomes(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the file to write, such as models/router.json"
    )
    add_common(parser)
    add_models(parser)
    what = parser.add_argument_group("what is trained (else a `learned` classifier)")
    kinds = what.add_mutually_exclusive_group()
    kinds.add_argument("--gate", action="store_true", help="an `acceptable` gate, for the weak model")
    kinds.add_argument("--embedding", action="store_true", help="a head for an `embedding` classifier")
    parser.add_argument(
        "--fold-by",
        metavar="FIELD",
        help="a field of the lines, such as conversation: those that share its value are held out together",
    )
    parser.add_argument(
        "--force", action="store_true", help="write the model even where it is no better than word count"
    )
    parser.add_argument(
        "--no-curve", action="store_true", help="leave out the learning curve and unseen groups: quicker"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Train, tell what came of it, and write the model.

    Raises:
        UsageError: the outcomes cannot be trained on, the models are not named, or numpy is not installed.
        ConfigError: the configuration is wrong.
    """
    if not options.gate:  # which needs the weak model alone where answers are right or wrong
        named_tiers(options)
    try:
        from litellm_tiering.evals import metrics  # noqa: F401, PLC0415 - first: it says which extra is missing

        if options.gate or options.embedding:
            return _train_pair(options)
        return _train_router(options)
    except (UsageError, ConfigError):
        raise
    except TieringError as error:
        raise UsageError(str(error)) from None


def _train_pair(options: argparse.Namespace) -> Exit:
    """A gate for the answers of the cheapest tier, or a head that tells it from the dearest."""
    from litellm_tiering.evals import train_gate, train_head  # noqa: PLC0415 - numpy, only when it is used
    from litellm_tiering.evals.train_gate_report import tell  # noqa: PLC0415 - as above

    if not (options.weak and (options.gate or options.strong)):
        models = _tiers(options, _settings(options)).models
        options.weak, options.strong = models[0], models[1] if options.gate else models[-1]
    with progress("reading", lines_in(options.outcomes)) as bar:
        if options.gate:
            gate = train_gate.run(options, bar.at)
            found, text = asdict(gate), tell(gate, options.out)
        else:
            head = train_head.run(options, bar.at)
            found, text = asdict(head), train_head.tell(head, options.out)
    if options.json:
        print_json(found)
    else:
        print(text)
    return Exit.DONE if found["written"] else Exit.FINDINGS


def _tiers(options: argparse.Namespace, settings: Settings) -> Tiers:
    """Whose answers stand for which tier.

    Raises:
        UsageError: nothing says it.
    """
    configured = options.config is not None or optional(None) is not None
    found = tiers_of(options, settings, configured=configured)
    if found is None:
        raise UsageError(
            "whose answers stand for which tier? Name recorded models with --weak and --strong, with --tier "
            "NAME=MODEL for each tier, or a configuration whose model groups they are with --config"
        )
    return found


def _train_router(options: argparse.Namespace) -> Exit:
    # These need numpy, which only those who train install.
    from litellm_tiering.classifiers.learned_model import KIND  # noqa: PLC0415 - as above
    from litellm_tiering.cli.train_text import as_json, text_of  # noqa: PLC0415 - as above
    from litellm_tiering.evals.train_router import train  # noqa: PLC0415 - as above
    from litellm_tiering.weights import write  # noqa: PLC0415 - as above

    settings = _settings(options)
    tiers = _tiers(options, settings)
    with progress("reading", lines_in(options.outcomes)) as bar:
        rows, report = asyncio.run(_read(options.outcomes, tiers.models, settings, options.fold_by, bar))
        source = {
            "file": Path(options.outcomes).name,
            "rows": rows.count,
            "sha256": digest_of(options.outcomes),
        }
        found = train(rows, sources=[source], curve=not options.no_curve, told=bar.doing)
    written = found.beats_words or options.force
    if written:
        write(options.out, KIND, found.header, found.arrays)
    if options.json:
        print_json(as_json(found, report, options.out if written else None))
    else:
        print(text_of(found, report, options.out if written else None))
    if not written:
        note(
            "the model is not written: on lines held out it is no better than counting words. Keep what runs "
            "now, bring more outcomes, or overrule this with --force"
        )
        return Exit.FINDINGS
    return Exit.DONE


_A_MODEL = re.compile(r"tiering\.(classifiers|cascade\.gates)\[.*\.(path|head)")


def _settings(options: argparse.Namespace) -> Settings:
    """What runs now. A configuration may name the very file that is to be trained: it counts without it.

    Raises:
        ConfigError: anything else is wrong with it.
    """
    try:
        return next(iter(settings_for((options.config,) if options.config else (), options).values()))
    except ConfigError as error:
        where = optional(options.config)
        if where is None or where.path is None or not all(_A_MODEL.match(p.path) for p in error.problems):
            raise
        note("the configuration names a model that cannot be read yet: compared is what it says without it")
        return build(from_mapping(_without_models(where.proxy()), env=where.env).config)


def _without_models(data: Mapping[str, Any]) -> dict[str, Any]:
    """The section of a configuration without the classifiers and gates that need a file of weights."""
    section = dict(data.get(SECTION, data))
    listed = [c for c in section.get("classifiers") or () if not {"path", "head"} & set(c)]
    section["classifiers"] = listed or None
    if isinstance(section.get("cascade"), dict):
        section["cascade"] = {k: v for k, v in section["cascade"].items() if k != "gates"}
    return section


async def _read(
    name: str, models: tuple[str, ...], settings: Settings, fold_by: str | None, bar: Progress
) -> tuple[Rows, OutcomeReport]:
    """The rows of the file, each with the score that what runs now gives it."""
    from litellm_tiering.evals.outcomes import OutcomeReport  # noqa: PLC0415 - numpy, as above
    from litellm_tiering.evals.scoring import Unscored, scored  # noqa: PLC0415 - as above
    from litellm_tiering.evals.train_rows import Rows  # noqa: PLC0415 - as above

    scorer, report = Scorer(settings), OutcomeReport()
    rows = Rows(models, _matching(settings))
    for outcome in _usable(name, models, report):
        try:
            now = (await scored(scorer, outcome)).score
        except Unscored:
            now = float("nan")
        kin = outcome.request.get(fold_by) if fold_by else None
        rows.add(outcome, now, "" if kin is None else str(kin))
        if report.lines % EVERY == 0:
            bar.at(report.lines)
    rows.close()
    return rows, report


def _usable(name: str, models: tuple[str, ...], report: OutcomeReport) -> Iterator[Outcome]:
    """The outcomes that have an answer of each of ``models``; other models' answers help, and are kept."""
    from litellm_tiering.evals.outcomes import OutcomeError, read_outcomes  # noqa: PLC0415 - numpy, as above

    used = 0
    for outcome in read_outcomes(name, report=report):
        missing = next((m for m in models if m not in outcome.answers), None)
        if missing is not None:
            report.skip(report.lines, f"the answer of {missing} is missing")
            continue
        used += 1
        yield outcome
    report.used = used
    if not used:
        known = ", ".join(m for m, _ in report.models.most_common(12))
        raise OutcomeError(
            f"no line of {name} has an answer of each of {', '.join(models)}. It has answers of: {known}. "
            "Say which of them stands for which tier by --weak MODEL --strong MODEL, or by --tier NAME=MODEL"
        )


def _matching(settings: Settings) -> Callable[[RequestFeatures, PromptText], tuple[str, ...]] | None:
    """A function from a request to the names of the rules that bound it; None without rules.

    Who asked, and when, nobody recorded: rules of that kind do not match.
    """
    rules = rules_in(settings.config.classifiers or (), settings.ladder)
    if rules is None:
        return None
    return lambda features, prompt: matched_in(rules, Subject(features, _NOBODY, prompt, _ANY_TIME))
