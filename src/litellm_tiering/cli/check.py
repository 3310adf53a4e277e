"""``check``: everything wrong or risky in a configuration, before a proxy starts on it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.check_traffic import as_json, replayed, text_of
from litellm_tiering.cli.common import Exit, add_common, note, print_json, problems_json, visible
from litellm_tiering.cli.settings import bundled_prices, required, settings_of
from litellm_tiering.config.check import Report, check
from litellm_tiering.config.load import OVERRIDE
from litellm_tiering.errors import ConfigError, IncompatibleLiteLLM, Problem
from litellm_tiering.gateway import compat

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from litellm_tiering.cli.settings import Chosen
    from litellm_tiering.evals.traffic import Traffic


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "check",
        help="everything wrong or risky in the configuration",
        description="Everything wrong or risky in the configuration. Exits with 1 when there are problems: "
        "a proxy would not start with them.",
    )
    add_common(parser)
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    parser.add_argument(
        "--traffic",
        metavar="FILE",
        help="captured requests: what each gate rejects of them, and what escalating that costs; - for "
        "standard input, .gz is unpacked",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Judge the configuration and print what was found.

    Raises:
        UsageError: there is no file, or it cannot be read; nor can the traffic.
    """
    where = required(options.config)
    prices = _prices(where)
    found = check(where.path, where.env, prices=prices)
    problems = (*_installed(), *found.problems)
    traffic: tuple[Traffic, list[str]] | None = None
    if options.traffic and not problems:
        traffic = replayed(options.traffic, settings_of(where), prices)
    odd = traffic[1] if traffic else []
    ok = not (problems or (options.strict and (found.warnings or odd)))
    if options.json:
        more = {"traffic": as_json(*traffic) if traffic else None} if options.traffic else {}
        print_json(
            {"ok": ok, "problems": problems_json(problems), "warnings": problems_json(found.warnings), **more}
        )
    else:
        _print(str(where.path or where.env[OVERRIDE]), Report(problems, found.warnings))
        if traffic:
            print(visible(text_of(options.traffic, *traffic)))
        elif options.traffic:
            note("the traffic was not looked at: mend the problems first")
    return Exit.DONE if ok else Exit.FINDINGS


def _prices(where: Chosen) -> Callable[[str], tuple[float, float] | None] | None:
    """The prices of a model group by LiteLLM's model map, None where there is nothing to look them up for."""
    try:
        proxy = where.proxy()
    except ConfigError:
        return None  # the check itself says what is wrong with the file
    if not isinstance(proxy.get("model_list"), list) or find_spec("litellm") is None:
        return None
    return lambda group: _price(group, proxy, where.env)


def _price(group: str, proxy: Mapping[str, Any], env: Mapping[str, str]) -> tuple[float, float] | None:
    with bundled_prices():
        from litellm_tiering.gateway.offline import group_price  # noqa: PLC0415 - importing LiteLLM takes seconds

    return group_price(group, proxy, env)


def _installed() -> tuple[Problem, ...]:
    """A problem when the installed LiteLLM must not be used."""
    try:
        compat.check_version()
    except IncompatibleLiteLLM as error:
        return (Problem("litellm", str(error)),)
    except PackageNotFoundError:
        return (Problem("litellm", "is not installed", "pip install 'litellm[proxy]'."),)
    return ()


def _print(file: str, report: Report) -> None:
    for kind, found in (("problem", report.problems), ("warning", report.warnings)):
        for p in found:
            place = ": ".join(part for part in (p.file, p.path) if part)
            print(visible(f"{kind}: {place}: {p.message}" if place else f"{kind}: {p.message}"))
            if p.fix:
                print(visible(f"    fix: {p.fix}"))
    if report.problems or report.warnings:
        print(f"{visible(file)}: {_count(report.problems, 'problem')}, {_count(report.warnings, 'warning')}")
    else:
        print(f"{visible(file)}: nothing wrong, nothing risky")


def _count(found: tuple[Problem, ...], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
