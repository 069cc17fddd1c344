"""The SQL that counts an impression or a click, for PostgreSQL and SQLite. campaigns.charging has the parameters."""

from collections.abc import Callable

from campaigns import evidence, running
from campaigns.choice import LEAD
from campaigns.models import Kind

# Part of a day that an even campaign may be ahead of its line when charged. The auction allows LEAD, but clicks on ads
# that were chosen earlier may come at once.
CHARGING_LEAD = LEAD + 0.02

_EVENT = """
    INSERT INTO campaigns_event (decision, ad_id, campaign_id, kind, at, day, position, placement, target, term, price)
    SELECT %(decision)s, a.id, c.id, %(kind)s, %(at)s, %(day)s, %(position)s, %(placement)s,
        %(target)s, %(term)s, %(price)s
    FROM campaigns_sponsoredproduct a
    JOIN campaigns_campaign c ON c.id = a.campaign_id
    LEFT JOIN campaigns_day d ON d.campaign_id = c.id AND d.day = %(day)s
    WHERE a.id = %(ad)s AND {conditions}
    ON CONFLICT (decision, ad_id, kind) DO NOTHING
"""
_CLIENTS = "IN (%(viewer)s, %(address)s)"
_SEEN = "SELECT 1 FROM campaigns_viewer v WHERE v.day = %(day)s AND v.campaign_id = c.id AND v.viewer"
_IMPRESSION_CONDITIONS = f"""
    NOT EXISTS (SELECT 1 FROM campaigns_shown s WHERE s.decision = %(decision)s AND s.ad_id = a.id)
    AND NOT EXISTS ({_SEEN} = %(client)s AND v.impressions >= c.viewer_limit)
    AND NOT EXISTS ({_SEEN} {_CLIENTS} AND v.impressions >= %(most)s)
    AND NOT EXISTS (SELECT 1 FROM campaigns_lastimpression l WHERE l.client {_CLIENTS} AND l.ad_id = a.id
                    AND l.at > %(minute_ago)s AND l.at < %(in_a_minute)s)
"""  # noqa: S608  only constants of the code, here and below
_CLICK_CONDITIONS = f"""
    c.spent + %(price)s <= c.total_budget AND d.spent + %(price)s <= d.budget
    AND (c.pacing <> 'even' OR d.spent <= {{line}})
    AND ({evidence.IN_TIME})
    AND NOT EXISTS (
      SELECT 1 FROM (
        SELECT MAX(CASE WHEN v.campaign_id = %(campaign)s THEN v.clicks END) AS of_campaign,
               SUM(CASE WHEN v.viewer = %(address)s THEN v.clicks END) AS of_address
        FROM campaigns_viewer v WHERE v.day = %(day)s AND v.viewer {_CLIENTS}
      ) AS sums WHERE of_campaign >= %(most)s OR of_address >= %(address_clicks)s)
"""  # noqa: S608
# The steps after the event. The admin writes in the same order, to prevent deadlocks. The day checks its line again:
# its row is the first that simultaneous clicks wait for.
_DAY = """
    UPDATE campaigns_day AS d SET spent = d.spent + %(price)s FROM campaigns_campaign c
    WHERE c.id = %(campaign)s AND d.campaign_id = c.id AND d.day = %(day)s
      AND (c.pacing <> 'even' OR d.spent <= {line}) {guard}
"""
_TOTAL = "UPDATE campaigns_campaign SET spent = spent + %(price)s WHERE id = %(campaign)s {guard}"
_AD = "UPDATE campaigns_sponsoredproduct SET {column} = {column} + 1 WHERE id = %(ad)s {guard}"
_BOTH = "(SELECT %(viewer)s AS client UNION SELECT %(address)s) AS clients WHERE client <> ''"
_CLIENT = f"""
    INSERT INTO campaigns_viewer (campaign_id, day, viewer, impressions, clicks, uncounted)
    SELECT %(campaign)s, %(day)s, client, %(impression)s, 1 - %(impression)s, 0 FROM {_BOTH} {{guard}}
    ON CONFLICT (day, viewer, campaign_id) DO UPDATE SET {{column}} = campaigns_viewer.{{column}} + 1
"""  # noqa: S608
_LAST_IMPRESSION = f"""
    INSERT INTO campaigns_lastimpression (client, ad_id, at) SELECT client, %(ad)s, %(at)s FROM {_BOTH} {{guard}}
    ON CONFLICT (client, ad_id) DO UPDATE SET at = excluded.at
"""  # noqa: S608
# One event of a client at a time, else all of them would find the limit not reached. Viewers are locked first.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%({0})s, 0)) WHERE %({0})s <> '';"
_LOCKS = _LOCK.format("viewer") + _LOCK.format("address")
_CONDITIONS = {Kind.IMPRESSION: _IMPRESSION_CONDITIONS, Kind.CLICK: _CLICK_CONDITIONS}
_STEPS = {Kind.IMPRESSION: [_AD, _CLIENT, _LAST_IMPRESSION], Kind.CLICK: [_DAY, _TOTAL, _AD, _CLIENT]}


def _line(seconds: str) -> str:
    """Return SQL for campaigns.choice.pace with CHARGING_LEAD, of a campaign ``c`` and a day ``d``. ``seconds`` is a
    template that turns a time into a number."""
    at, midnight, next_midnight, starts, ends = (
        seconds.format(each) for each in ("%(at)s", "%(midnight)s", "%(next_midnight)s", "c.starts", "c.ends")
    )
    first = f"CASE WHEN c.starts > %(midnight)s THEN {starts} ELSE {midnight} END"
    last = f"CASE WHEN c.ends < %(next_midnight)s THEN {ends} ELSE {next_midnight} END"
    left = "d.spent + c.total_budget - c.spent"
    budget = f"CASE WHEN d.budget < {left} THEN d.budget ELSE {left} END"
    return f"(({at} - ({first})) / (({last}) - ({first})) + {CHARGING_LEAD}) * ({budget})"


def _statements(kind: Kind, line: str, guard: Callable[[int], str]) -> list[str]:
    """Return the event's statement and the steps. ``guard`` returns a further condition for the step of a number."""
    column = "clicks" if kind is Kind.CLICK else "impressions"
    event = _EVENT.format(conditions=f"{running.SQL} AND {_CONDITIONS[kind].format(line=line)}")
    return [
        event,
        *(step.format(line=line, column=column, guard=guard(number)) for number, step in enumerate(_STEPS[kind])),
    ]


def _in_one(kind: Kind) -> str:
    # Each step refers to the one before, which fixes the order of execution and so of the locks.
    line = _line("EXTRACT(EPOCH FROM {}::timestamptz)::float8")
    parts = _statements(kind, line, lambda number: f"AND EXISTS (SELECT 1 FROM step_{number})")  # noqa: S608
    steps = ", ".join(f"step_{number} AS ({part} RETURNING 1)" for number, part in enumerate(parts))
    return f"{_LOCKS} WITH {steps} SELECT (SELECT count(*) FROM step_0), (SELECT count(*) FROM step_1)"  # noqa: S608


# Takes the locks of the clients, runs all steps, and returns the number of rows of the event and of the first step.
POSTGRESQL = {kind: _in_one(kind) for kind in Kind}
# The event, and the steps to run if it inserted a row.
SQLITE = {kind: _statements(kind, _line("(julianday({}) * 86400.0)"), lambda number: "") for kind in Kind}
