"""Events are counted once, at whatever point the connection is cut."""

from typing import Any

import psycopg2
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from campaigns import repository
from campaigns.decisions import Decision
from campaigns.models import Campaign, Day, Event, Kind, Reason, SponsoredProduct, Unbilled, day_of
from campaigns.spool import AdEvent
from resilience.postgres import QueryDeadlineExceeded
from tests.campaigns import sponsors
from tests.conftest import CutCommit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def click() -> AdEvent:
    """The day's row exists, so that the first COMMIT is that of the charge."""
    ad: SponsoredProduct = sponsors.ad(sponsors.campaign(), "PEN", "category Pens")
    now = timezone.now()
    Day.objects.create(campaign=ad.campaign, day=day_of(now), budget=ad.campaign.daily_budget)
    decision = Decision("d1", ad.pk, ad.campaign_id, "PEN", 1, 300_000, "top", "")
    sponsors.see(decision, now)
    return AdEvent(Kind.CLICK, decision, now, None)


def forged() -> AdEvent:
    return AdEvent(Kind.CLICK, None, timezone.now(), Reason.SIGNATURE)


def unbilled() -> set[tuple[str, int]]:
    return set(Unbilled.objects.values_list("reason", "count"))


class CutAfter:
    """Cuts the connection once, after a statement with this text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, run: Any, sql: str, *rest: Any) -> Any:
        result = run(sql, *rest)
        if self._text and self._text in sql:
            self._text = ""
            raise OperationalError("cut") from psycopg2.OperationalError("the server closed the connection")
        return result


@pytest.mark.parametrize("statement", ["INTO campaigns_event", "UPDATE campaigns_sponsoredproduct"])
def test_an_interrupted_click_is_charged_once(click: AdEvent, statement: str) -> None:
    with connection.execute_wrapper(CutAfter(statement)):
        repository.record_or_keep(click)
    assert Event.objects.get().price == Campaign.objects.get().spent > 0
    assert not unbilled()


def test_a_click_cut_at_its_commit_is_not_counted_as_repeated(click: AdEvent, cut_commit: CutCommit) -> None:
    cut_commit()
    repository.record_or_keep(click)
    assert Event.objects.get().price == Campaign.objects.get().spent > 0
    assert not unbilled()
    repository.record_or_keep(click)
    assert unbilled() == {("repeated", 1)}


def test_an_interrupted_unbilled_event_is_counted_once(click: AdEvent) -> None:
    Campaign.objects.update(status="paused")
    for number, happened in enumerate([forged(), click], start=1):
        with connection.execute_wrapper(CutAfter("INTO campaigns_unbilled")):
            repository.record_or_keep(happened)
        assert len(unbilled()) == number
    assert unbilled() == {("signature", 1), ("inactive", 1)}


@pytest.mark.parametrize("cause", [psycopg2.OperationalError, QueryDeadlineExceeded])
def test_an_unbilled_event_in_doubt_is_counted_once(
    cut_commit: CutCommit, cause: type[psycopg2.OperationalError]
) -> None:
    repository.record_or_keep(forged())
    cut_commit(cause=cause)
    repository.record_or_keep(forged())
    assert repository.spool.deliver() == 0
    assert unbilled() == {("signature", 2)}


def test_a_click_in_doubt_is_kept_and_charged_once(click: AdEvent, cut_commit: CutCommit) -> None:
    cut_commit(cause=QueryDeadlineExceeded)
    repository.record_or_keep(click)
    assert repository.spool.deliver() == 1
    assert Event.objects.get().price == Campaign.objects.get().spent > 0
    assert not unbilled()
