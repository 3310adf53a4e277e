"""``eval``: what a configuration's classifiers, and its gates, are worth on recorded outcomes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.cli.common import Exit, UsageError, note, print_json
from litellm_tiering.cli.eval_parts import (
    LITELLM,
    contender_of,
    litellm_signal,
    named_tiers,
    paid_of,
    settings_for,
    tiers_of,
)
from litellm_tiering.cli.eval_text import text_of
from litellm_tiering.cli.eval_trained import flattered
from litellm_tiering.cli.options import add_json, add_models, add_outcomes
from litellm_tiering.cli.progress import lines_in, progress
from litellm_tiering.errors import ConfigError, IncompatibleLiteLLM, TieringError

if TYPE_CHECKING:
    import argparse
    from collections import Counter
    from collections.abc import Callable, Sequence

    from litellm_tiering.evals.compare import Tiers
    from litellm_tiering.evals.outcomes import OutcomeReport
    from litellm_tiering.evals.report_result import Evaluation
    from litellm_tiering.evals.report_rows import Contender, Rows

MAX_CONFIGS = 8
"""How many configurations are compared at most."""

TIMES = 500
"""How many bootstrap samples are drawn, where nobody says; fewer of long files."""

_MOST_TIMES = 10_000
_LEAST_TIMES = 50
_WORK = 10_000_000


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "eval",
        help="what classifiers and gates are worth on recorded outcomes",
        description="Reads lines {id, prompt or messages, responses: {MODEL: {correct or score, text?, "
        "cost?}}} and tells what the classifiers of one or more configurations are worth as routers between "
        "the models, beside word count, LiteLLM's own scorer, chance and an oracle, each with a 95 % "
        "interval. Without a configuration: the default classifiers. Exits with 1 when lines could not be "
        "read or scored. Needs numpy: pip install 'litellm-tiering[train]'.",
    )
    add_outcomes(parser)
    add_models(parser)
    policies = parser.add_argument_group("whose classifiers")
    policies.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE",
        help="a configuration, as for the other verbs; more than once to compare several",
    )
    policies.add_argument("--compare", action="append", default=[], metavar="FILE", help="another one")
    more = parser.add_argument_group("what else is evaluated")
    more.add_argument("--gate", action="store_true", help="the gates, on the answers of the lower tiers")
    more.add_argument("--no-litellm", action="store_true", help="leave LiteLLM's own scorer out")
    more.add_argument("--ladders", action="store_true", help="other models of the file for the tiers")
    out = parser.add_argument_group("output")
    add_json(out)
    out.add_argument("--plot", metavar="FILE", help="draw cost and quality, such as eval.png or eval.svg")
    out.add_argument("--html", metavar="FILE", help="write a page that needs nothing beside it")
    doubt = parser.add_argument_group("intervals")
    doubt.add_argument("--bootstrap", type=int, metavar="N", help=f"how many samples; {TIMES} when absent")
    doubt.add_argument("--seed", type=int, default=0, metavar="N", help="another number, other samples")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Evaluate, print what was found, and write what was asked for.

    Raises:
        UsageError: the file cannot be used, the models are not named, or an extra is not installed.
        ConfigError: a configuration is wrong.
    """
    _check(options)
    try:
        return _evaluate(options)
    except (UsageError, ConfigError):
        raise
    except TieringError as error:
        raise UsageError(str(error)) from None


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything long begins."""
    named_tiers(options)
    if len(options.config) + len(options.compare) > MAX_CONFIGS:
        raise UsageError(f"at most {MAX_CONFIGS} configurations can be compared")
    if options.bootstrap is not None and not 0 <= options.bootstrap <= _MOST_TIMES:
        raise UsageError(f"--bootstrap must be from 0 to {_MOST_TIMES:,}")
    if options.seed < 0:
        raise UsageError("--seed must be 0 or more")
    for name in (options.plot, options.html):
        if name and not Path(name).absolute().parent.is_dir():
            raise UsageError(f"{name} cannot be written: there is no such directory")


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of the file."""

    rows: Rows
    report: OutcomeReport

    def left_out(self) -> Counter[str]:
        return self.report.skipped + self.rows.dropped

    def remarks(self) -> list[str]:
        dropped = [f"{n:,} questions left out: one {why}" for why, n in self.rows.dropped.most_common()]
        return self.report.remarks() + dropped

    @property
    def damaged(self) -> bool:
        """Whether lines were left out for more than a model that did not answer."""
        return bool(self.rows.dropped) or any(not w.startswith("the answer of ") for w in self.report.skipped)


def _evaluate(options: argparse.Namespace) -> Exit:
    # These need numpy; a machine that lacks it is told so before anything long begins.
    from litellm_tiering.evals import metrics  # noqa: F401, PLC0415 - first: it says which extra is missing
    from litellm_tiering.evals.compare import Doubt  # noqa: PLC0415 - numpy
    from litellm_tiering.evals.compare_all import Question, evaluate  # noqa: PLC0415 - numpy

    _drawable(options)
    configs = [*options.config, *options.compare]
    settings = settings_for(configs, options)
    first = next(iter(settings.values()))
    tiers = tiers_of(options, first, configured=bool(configs))
    if tiers is None and not options.ladders:
        raise UsageError(f"whose answers stand for which tier? {_models_in(options.outcomes)}")
    contenders = [contender_of(label, s, gates=options.gate) for label, s in settings.items()]
    read = _read(options, contenders, tiers)
    rows = read.rows
    if not len(rows):
        why, _ = read.left_out().most_common(1)[0]
        raise UsageError(f"no question of {options.outcomes} could be used: one {why}")
    few = max(_LEAST_TIMES, min(TIMES, _WORK // len(rows)))
    asked = Question(
        "standard input" if options.outcomes == "-" else Path(options.outcomes).name,
        tiers,
        Doubt(few if options.bootstrap is None else options.bootstrap, options.seed),
        gates=options.gate,
        ladders=options.ladders,
        paid={label: why for label, s in settings.items() if (why := paid_of(s))},
    )
    with progress("evaluating", unit="questions") as bar:
        bar.doing(f"evaluating {len(rows):,} questions")
        found = evaluate(rows, contenders, asked)
    known = [w for name in configs or (None,) for w in flattered(name, options.outcomes, gates=options.gate)]
    found = replace(found, left_out=dict(read.left_out()), remarks=(*found.remarks, *known))
    for remark in read.remarks():
        note(remark)
    _write(found, options)
    if options.json:
        print_json(found.as_json())
    else:
        print(text_of(found))
    return Exit.FINDINGS if read.damaged else Exit.DONE


def _read(options: argparse.Namespace, contenders: Sequence[Contender], tiers: Tiers | None) -> _Read:
    """One pass over the file."""
    from litellm_tiering.evals.outcomes import OutcomeReport, read_outcomes  # noqa: PLC0415 - only here
    from litellm_tiering.evals.report_rows import Plan, gather  # noqa: PLC0415 - numpy

    report = OutcomeReport()
    models = tiers.models if tiers else ()
    outcomes = read_outcomes(options.outcomes, models, report=report, others=options.ladders)
    plan = Plan(contenders, models[:-1] if options.gate else (), _signals(options) if tiers else {})
    with progress("reading", lines_in(options.outcomes), "questions") as bar:
        return _Read(asyncio.run(gather(outcomes, plan, bar.at)), report)


def _signals(options: argparse.Namespace) -> dict[str, Callable[[str], float | None]]:
    """The scores of others, by name."""
    if options.no_litellm:
        return {}
    try:
        return {LITELLM: litellm_signal()}
    except (ImportError, IncompatibleLiteLLM) as error:
        note(f"{LITELLM} is not among the baselines: {error}")
        return {}


def _models_in(name: str) -> str:
    """What to do about models that are not named: those that a file has, where it can be read twice."""
    from litellm_tiering.evals.outcomes import OutcomeReport, read_outcomes  # noqa: PLC0415 - only here

    told = "name two with --weak and --strong, or each tier's with --tier NAME=MODEL"
    if name == "-":
        return told
    report = OutcomeReport()
    for seen, _ in enumerate(read_outcomes(name, report=report), 1):
        if seen == _LOOKED_AT:
            break
    return f"{told}; the file has answers of {', '.join(m for m, _ in report.models.most_common())}"


_LOOKED_AT = 100


def _drawable(options: argparse.Namespace) -> None:
    """Find out whether a picture can be drawn at all, before anything long begins."""
    if options.plot:
        from litellm_tiering.evals.plot import figure_class  # noqa: PLC0415 - matplotlib, only when it is used

        figure_class()


def _write(found: Evaluation, options: argparse.Namespace) -> None:
    """The picture and the page."""
    if options.plot:
        from litellm_tiering.evals.plot_curves import draw_curves  # noqa: PLC0415 - as above

        draw_curves(found, options.plot)
    if options.html:
        from litellm_tiering.evals.report_html import page_of  # noqa: PLC0415 - only when it is used

        try:
            Path(options.html).write_text(page_of(found), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{options.html} cannot be written ({error.strerror or error})") from None
