"""Asks the classifiers of a request; awaits only where one of them has to be awaited."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from litellm_tiering.core.classification import Classification, Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_tiering.plan import Inquiry, Terms


class Classifying:
    """The classifiers under some terms.

    Args:
        terms: The owner's settings.
        fault: Told of a fault of ours: where, and what was raised.
    """

    def __init__(self, terms: Terms, fault: Callable[[str, BaseException], None]) -> None:
        self._chain = terms.classifiers
        self._arms = terms.arms
        self._fault = fault
        self._zone = ZoneInfo(terms.timezone)

    def ask(self, inquiry: Inquiry, now_s: float) -> Classification | Awaitable[Classification]:
        """What the classifiers make of a request, on a route that asks them. Their faults stay here."""
        if not inquiry.route.classify:
            return Classification()
        local = dt.datetime.fromtimestamp(now_s, self._zone)
        subject = Subject(inquiry.features, inquiry.caller, inquiry.prompt, local, inquiry.side)
        try:
            found = self._arms.get(inquiry.arm, self._chain).classify(subject)
        except Exception as error:  # noqa: BLE001 - a classifier's fault costs its opinion, not the request
            return self._failed(error)
        return found if isinstance(found, Classification) else self._awaited(found)

    async def _awaited(self, coming: Awaitable[Classification]) -> Classification:
        try:
            return await coming
        except Exception as error:  # noqa: BLE001 - as above; cancellation passes
            return self._failed(error)

    def _failed(self, error: Exception) -> Classification:
        self._fault("classifier", error)
        return Classification(fault=type(error).__name__)
