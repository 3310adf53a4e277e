"""``tune``: the cheapest thresholds whose quality is shown to keep a promise."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.answers import demand_in, said_in
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json
from litellm_tiering.cli.eval_parts import named_tiers, settings_for, tiers_of
from litellm_tiering.cli.options import add_models, add_outcomes
from litellm_tiering.cli.progress import lines_in, progress
from litellm_tiering.cli.settings import optional, required
from litellm_tiering.cli.tune_text import as_json, text_of
from litellm_tiering.cli.tune_trained import relearning_of, trained_gates
from litellm_tiering.cli.tune_write import written
from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange
from litellm_tiering.errors import ConfigError, TieringError
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.outcomes import Outcome, OutcomeReport
    from litellm_tiering.evals.tune_result import Result
    from litellm_tiering.evals.tune_rows import Gathered

_FEW = 200
_NEARLY_ALL = 0.995
_PARTS = 10_000


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "tune",
        help="the thresholds that meet a quality target with confidence",
        description="Reads recorded outcomes, lines {id, prompt or messages, responses: {MODEL: {correct or "
        "score, text?, cost?}}}, and finds the cheapest thresholds of the classifier, and of the gates where "
        "the route cascades, whose quality is shown to be at least the target's share of the dearest tier's, "
        "with the confidence that is asked for. Exits with 4 where no thresholds that save anything are. "
        "Needs numpy: pip install 'litellm-tiering[train]'.",
    )
    add_outcomes(parser)
    add_common(parser)
    promise = parser.add_argument_group("the promise")
    promise.add_argument(
        "--target",
        type=float,
        default=0.95,
        metavar="SHARE",
        help="the share of the dearest tier's quality to keep; 0.95 when absent",
    )
    promise.add_argument(
        "--confidence", type=float, default=0.95, metavar="SHARE", help="how sure; 0.95 when absent"
    )
    add_models(parser)
    _add_policy(parser)
    out = parser.add_argument_group("what to do with them")
    where = out.add_mutually_exclusive_group()
    where.add_argument("--write", action="store_true", help="write them into the configuration")
    where.add_argument("--out", metavar="FILE", help="write a copy of the configuration with them")
    parser.set_defaults(run=run)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    policy = parser.add_argument_group("the policy")
    gates = policy.add_mutually_exclusive_group()
    gates.add_argument(
        "--gates",
        action="store_const",
        const=True,
        default=None,
        help="count in what the gates do with the recorded answers; so it is when absent where the "
        "configuration lists gates and the file has the answers' text",
    )
    gates.add_argument("--no-gates", action="store_const", const=False, dest="gates", help="routing alone")
    policy.add_argument(
        "--holdout",
        type=float,
        metavar="SHARE",
        help="use only this share of the questions, chosen by a hash of their text: for a classifier that "
        "was trained on the others, which --rest writes",
    )
    policy.add_argument(
        "--rest",
        metavar="FILE",
        help="with --holdout: write the lines that are not used to this file, to train on, and end",
    )


def run(options: argparse.Namespace) -> Exit:
    """Tune, print what was found, and write what was asked for.

    Raises:
        UsageError: the file cannot be used, the models are not named, or numpy is not installed.
        ConfigError: the configuration is wrong.
    """
    _check(options)
    try:
        return _write_rest(options) if options.rest else _tune(options)
    except (UsageError, ConfigError):
        raise
    except TieringError as error:
        raise UsageError(str(error)) from None


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything long begins."""
    named_tiers(options)
    if not 0.0 < options.target <= 1.0:
        raise UsageError(
            "--target must be above 0 and at most 1: the share of the dearest tier's quality to keep"
        )
    if not 0.5 <= options.confidence < 1.0:  # noqa: PLR2004 - below it, a coin is as good
        raise UsageError("--confidence must be at least 0.5 and below 1")
    if options.holdout is not None and not 0.0 < options.holdout < 1.0:
        raise UsageError("--holdout must be above 0 and below 1")
    if options.rest and options.holdout is None:
        raise UsageError("--rest writes what --holdout SHARE leaves: give both")
    if options.out and not Path(options.out).absolute().parent.is_dir():
        raise UsageError(f"{options.out} cannot be written: there is no such directory")
    if options.write or options.out:
        required(options.config)


def _tune(options: argparse.Namespace) -> Exit:
    # These need numpy; a machine that lacks it is told so before anything long begins.
    from litellm_tiering.evals import metrics  # noqa: F401, PLC0415 - first: it says which extra is missing
    from litellm_tiering.evals.tune import Goal  # noqa: PLC0415 - numpy
    from litellm_tiering.evals.tune_result import tuned  # noqa: PLC0415 - numpy
    from litellm_tiering.evals.tune_rows import Untunable  # noqa: PLC0415 - numpy

    where = optional(options.config)
    settings = next(iter(settings_for([] if where is None else [options.config], options).values()))
    try:
        gathered, report = _gathered(options, settings, configured=where is not None)
        with progress("tuning", unit="questions") as bar:
            bar.doing(f"tuning on {len(gathered):,} questions")
            result = tuned(gathered, Goal(options.target, options.confidence))
    except Untunable as error:
        raise UsageError(str(error)) from None
    told = (*report.remarks(), *_remarks(gathered, result), *trained_gates(options, settings))
    for remark in told:
        note(remark)
    changed = None
    if result.chosen is not None and (options.write or options.out):
        changed = written(required(options.config), settings, result, out=options.out)
    if options.json:
        target = None if changed is None else str(options.out or changed.path)
        print_json({**as_json(result), "written": target})
    else:
        print(text_of(result))
        if changed is not None:
            print(f"\n{changed.diff()}\n\nwritten to {options.out or changed.path}")
    if result.chosen is None:
        return Exit.INFEASIBLE
    return Exit.FINDINGS if gathered.dropped else Exit.DONE


# ---------------------------------------------------------------------- reading


def _gathered(
    options: argparse.Namespace, settings: Settings, *, configured: bool
) -> tuple[Gathered, OutcomeReport]:
    from litellm_tiering.evals.outcomes import OutcomeReport, read_outcomes  # noqa: PLC0415 - only here
    from litellm_tiering.evals.tune_rows import Asked, gather  # noqa: PLC0415 - numpy

    tiers = tiers_of(options, settings, configured=configured)
    if tiers is None:
        raise UsageError(
            "whose answers stand for which tier? Name two models with --weak and --strong, or each tier's "
            "with --tier NAME=MODEL"
        )
    models = {settings.ladder.rank(n): m for n, m in zip(tiers.names, tiers.models, strict=True)}
    if max(models) != settings.ladder.top:
        dearest = settings.ladder[settings.ladder.top].name
        raise UsageError(f"--tier names no model for {dearest}, the tier whose quality is the measure")
    report = OutcomeReport()
    outcomes = read_outcomes(options.outcomes, tiers.models, report=report, others=True)
    if options.holdout is not None:
        outcomes = (o for o in outcomes if held_out(_question(o), options.holdout))
    first = next(outcomes, None)
    if first is None:
        raise UsageError("no question is left: --holdout is too small for this file")
    asked = Asked(
        settings,
        models,
        _gates(options, settings, first, tiers.models),
        _exchange,
        relearning_of(options, settings),
    )
    with progress("reading", lines_in(options.outcomes), "questions") as bar:
        return asyncio.run(gather(asked, itertools.chain((first,), outcomes), bar.at)), report


def _gates(options: argparse.Namespace, settings: Settings, first: Outcome, models: tuple[str, ...]) -> bool:
    """Whether the gates are counted in.

    Raises:
        UsageError: they are asked for, and cannot be.
    """
    route = settings.route_for(settings.virtual_model)
    cascades = settings.cascade is not None and (route is None or route.cascade)
    texts = all(first.answers[m].text is not None for m in models)
    if options.gates:
        if not cascades:
            raise UsageError("--gates: the configuration has no cascade on this route")
        if not texts:
            raise UsageError("--gates: the file does not hold the answers' text")
        return True
    section = settings.config.cascade
    listed = isinstance(section, CascadeSection) and section.gates is not None
    if options.gates is None and cascades and listed and not texts:
        note("the file does not hold the answers' text: the gates are left out, this is routing alone")
    return options.gates is None and cascades and listed and texts


def _exchange(line: Mapping[str, Any]) -> Exchange:
    """An answer as gates see it: as the verb ``gate`` reads it."""
    features, prompt = read_request(line, Surface.CHAT)
    return Exchange(said_in(line), features, prompt, demand_in(line))


def _question(outcome: Outcome) -> object:
    return outcome.prompt if outcome.messages is None else list(outcome.messages)


def held_out(question: object, share: float) -> bool:
    """Whether a question, its prompt or its messages, belongs to the ``share`` that is held out.

    By a hash of its text, so that doubles stay together, and the same ones are held out every time.
    """
    text = json.dumps(question, sort_keys=True)
    digest = hashlib.blake2b(text.encode("ascii"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _PARTS < share * _PARTS


def _write_rest(options: argparse.Namespace) -> Exit:
    """Write the lines that ``--holdout`` leaves to a file, for ``train``."""
    from litellm_tiering.evals.outcome_lines import UnusableLine, lines_of, object_in  # noqa: PLC0415 - only here

    kept = seen = 0
    beside = Path(f"{options.rest}.part")
    try:
        with beside.open("wb") as out:
            for _, raw in lines_of(options.outcomes):
                seen += 1
                try:
                    line = object_in(raw)
                except UnusableLine:
                    continue  # told of by whoever reads the file to use it
                messages = line.get("messages")
                if not held_out(line.get("prompt") if messages is None else messages, options.holdout):
                    kept += 1
                    out.write(raw + b"\n")
        beside.replace(options.rest)
    except OSError as error:
        raise UsageError(f"{options.rest} cannot be written ({error.strerror or error})") from None
    finally:
        beside.unlink(missing_ok=True)
    if options.json:
        print_json({"lines": seen, "kept": kept, "written": options.rest})
    note(
        f"{kept:,} of {seen:,} lines are in {options.rest}, to train on; tune on the others by the same "
        "--holdout"
    )
    return Exit.DONE


def _remarks(gathered: Gathered, result: Result) -> Iterator[str]:
    """What a person should know before relying on the result."""
    for why, n in gathered.dropped.most_common():
        yield f"{n:,} question{'s' if n != 1 else ''} left out: {why}"
    if result.questions < _FEW:
        yield f"{result.questions} questions are few: a promise from so many costs much; aim for 500"
    if not result.cost_known:
        yield "the cost of some answers is not known: a call counts 1 at the dearest tier, 0 at the cheapest"
    if result.decided < _NEARLY_ALL:
        rest = 100 * (1 - result.decided)
        yield f"{rest:.0f} % of the questions are not decided by {result.classifier}, and stay where they are"
    yield from _gate_remarks(gathered, result)


def _gate_remarks(gathered: Gathered, result: Result) -> Iterator[str]:
    cascade = gathered.asked.settings.cascade
    if cascade is None or not gathered.gates:
        return
    if any(g.kind == "agreement" for g in gathered.gates):
        yield "agreement gates are not counted in: nobody recorded the second model beside the first"
    if result.chosen is not None and result.chosen.escalated > cascade.bypass_above:
        yield (
            f"more than {100 * cascade.bypass_above:.0f} % would be escalated: the proxy will start such "
            "segments one tier higher (`bypass_above`), which is no worse and may cost more"
        )
    between = set(range(gathered.asked.ranks[0], gathered.asked.ranks[-1])) - set(gathered.asked.ranks)
    if between:
        named = ", ".join(gathered.asked.settings.ladder[r].name for r in sorted(between))
        yield f"nobody recorded {named}: an escalation there is taken for one to the next recorded tier"
