"""When StartCalendarInterval says that a job starts."""

from __future__ import annotations

from datetime import datetime, timedelta

MOST = 366 * 24 * 60
Fields = dict[str, int]


def seconds_until(times: Fields | list[Fields], now: datetime | None = None) -> float:
    """Return the seconds until the next time; one without any counts as a year."""
    now = now or datetime.now()
    wanted = [times] if isinstance(times, dict) else times
    minute = now.replace(second=0, microsecond=0)
    for _ in range(MOST):
        minute += timedelta(minutes=1)
        if any(_fits(minute, fields) for fields in wanted):
            break
    return (minute - now).total_seconds()


def _fits(minute: datetime, fields: Fields) -> bool:
    """Whether a minute is meant; day and weekday together mean either."""
    have = {"Minute": minute.minute, "Hour": minute.hour, "Month": minute.month}
    if any(fields.get(name, value) != value for name, value in have.items()):
        return False
    days = [fields["Day"] == minute.day] if "Day" in fields else []
    if "Weekday" in fields:
        days.append(fields["Weekday"] % 7 == minute.isoweekday() % 7)
    return any(days) or not days
