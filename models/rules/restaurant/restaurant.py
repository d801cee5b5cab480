"""A restaurant as frozen values for the rules, built by `models.queries.floor.load`."""

from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property
from zoneinfo import ZoneInfo

from models.rules.restaurant.day_rules import Approval, AreaClosure, DatePacing
from models.rules.restaurant.features import FeatureSpec
from models.rules.restaurant.floor_place import ANYWHERE, FloorPlace

QUARTER_SECONDS = 900
#: Books are numbered so that a request can name its book without a database query.
BOOKS_PER_SHIFT = 100_000
_EPOCH = date(1970, 1, 1).toordinal()


def book_id(shift_id: int, service_date: date) -> int:
    """The number of the book of a shift on a date. Unique, and known before the row exists."""
    return shift_id * BOOKS_PER_SHIFT + service_date.toordinal() - _EPOCH


def split_book_id(number: int) -> tuple[int, date]:
    """The shift id and the date of a book number."""
    shift_id, day = divmod(number, BOOKS_PER_SHIFT)
    return shift_id, date.fromordinal(day + _EPOCH)


@dataclass(frozen=True, slots=True)
class TurnTime:
    """Parties up to `up_to` covers keep their table for `minutes` (a multiple of 15)."""

    up_to: int
    minutes: int


DEFAULT_TURN_TIMES = (
    TurnTime(2, 90),
    TurnTime(4, 105),
    TurnTime(6, 120),
    TurnTime(8, 135),
    TurnTime(999, 150),
)


@dataclass(frozen=True, slots=True)
class Pacing:
    """Most covers and parties *starting* in a 15-minute interval. None: no limit."""

    covers: int | None = 10
    parties: int | None = None
    online_covers: int | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """The choices of a restaurant; the defaults are those usual in the trade."""

    slot_minutes: int = 15
    buffer_minutes: int = 0
    lead_minutes: int = 30
    window_days: int = 60
    min_party_online: int = 1
    max_party_online: int = 8
    cancel_cutoff_minutes: int = 120
    same_guest_gap_minutes: int = 120
    no_show_grace_minutes: int = 15
    auto_finish_minutes: int = 30
    #: mark no-shows automatically (while the host stand is in use), and finish parties that
    #: overstay
    auto_no_show: bool = False
    auto_finish: bool = False
    waitlist: bool = True
    waitlist_parties: int = 20
    #: VIPs come first on the waitlist of a date, and on the list at the door
    vip_first: bool = False
    #: the list at the door: whether there is one, whether guests may join it by its link, the most
    #: parties, the minutes to come once a table is ready, and its hours: minutes before the first
    #: and the last seating of each shift
    door_list: bool = True
    door_online: bool = False
    door_parties: int = 30
    door_ready_minutes: int = 10
    door_opens_minutes: int = 60
    door_closes_minutes: int = 0
    reminder_minutes: tuple[int, ...] = (1440, 180)
    turn_times: tuple[TurnTime, ...] = DEFAULT_TURN_TIMES
    pacing: Pacing = field(default_factory=Pacing)
    #: days after which guests' data are erased, and messages are deleted; None: never
    keep_guests_days: int | None = None
    keep_messages_days: int | None = None
    #: the booking page asks for the guest's consent to marketing
    ask_marketing: bool = False
    #: guests without a confirmed contact must confirm by the link in the message within so many
    #: minutes; until then such parties hold no more than this share of the tables
    confirm_by_link: bool = False
    confirm_minutes: int = 15
    unproved_percent: int = 50
    #: the only countries (`DE`) that text messages go to; empty: all, with a limit for foreign ones
    sms_countries: tuple[str, ...] = ()
    #: guests with so many no-shows within a year cannot book online; None: no limit
    no_show_limit: int | None = None
    #: how long the staff have to answer a request that needs their approval
    approval_minutes: int = 1440


@dataclass(frozen=True, slots=True)
class AreaSpec:
    """A room or a terrace. `turn_times`: its own, which come before those of the shift."""

    id: int
    key: str
    name: str
    turn_times: tuple[TurnTime, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A dining table for parties of `min_party`..`max_party`. Lower `priority` is seated first.

    `online`: also for guests who book online. `walk_in`: only for walk-ins (and then not online).
    `place`: where it is drawn.
    """

    id: int
    label: str
    area_id: int
    min_party: int
    max_party: int
    priority: int = 0
    online: bool = True
    walk_in: bool = False
    place: FloorPlace = ANYWHERE
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CombinationSpec:
    """Tables that may be joined, with a party range of their own."""

    id: int
    label: str
    table_ids: tuple[int, ...]
    min_party: int
    max_party: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ShiftSpec:
    """Recurring lunch or dinner, or (with `on_date`) special hours of one date.

    Special hours replace the shifts of their date, unless all of them are `added` to those.
    `first`, `last` are the first and last seating by the wall clock. By `ends` every party has
    left, unless online parties `may_run_over`. A `last` earlier than `first` lies after midnight,
    and so does an `ends` that is not later than `first`. `weekdays`: Monday is 0.
    """

    id: int
    key: str
    name: str
    first: time
    last: time
    ends: time
    weekdays: frozenset[int] = frozenset(range(7))
    on_date: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    turn_times: tuple[TurnTime, ...] | None = None
    pacing: Pacing | None = None
    buffer_minutes: int | None = None
    may_run_over: bool = False
    added: bool = False
    #: the most covers in the restaurant, where it differs from the restaurant's
    covers: int | None = None


@dataclass(frozen=True, slots=True)
class ClosureSpec:
    """A closed day, or one closed shift of it; `yearly`: also that day of every later year."""

    on_date: date
    shift_key: str | None = None
    reason: str = ""
    yearly: bool = False

    def covers(self, day: date) -> bool:
        """Whether this closure applies to that day."""
        if not self.yearly or day < self.on_date:
            return day == self.on_date
        return (day.month, day.day) == (self.on_date.month, self.on_date.day)


@dataclass(frozen=True)
class RestaurantSpec:
    """One restaurant at one floor revision."""

    id: int
    slug: str
    name: str
    zone: str
    locale: str
    revision: int
    policies: Policies
    areas: tuple[AreaSpec, ...]
    tables: tuple[TableSpec, ...]
    combinations: tuple[CombinationSpec, ...]
    shifts: tuple[ShiftSpec, ...]
    closures: tuple[ClosureSpec, ...]
    email: str = ""
    phone: str = ""
    address: str = ""
    #: the version of the file `logo`; None: there is none
    logo: int | None = None
    date_pacing: tuple[DatePacing, ...] = ()
    area_closures: tuple[AreaClosure, ...] = ()
    #: requests that the staff approve
    approvals: tuple[Approval, ...] = ()
    #: what tables may offer
    features: tuple[FeatureSpec, ...] = ()
    #: there are no tables to seat: the most covers at once; None: there are tables
    covers: int | None = None

    @cached_property
    def memo(self) -> dict[object, object]:
        """Results that pure rules cache for this restaurant at this revision."""
        return {}

    @cached_property
    def tz(self) -> ZoneInfo:
        """The restaurant's time zone."""
        return ZoneInfo(self.zone)

    @cached_property
    def turns_vary(self) -> bool:
        """Whether a party's turn depends on the area in which it is seated."""
        return any(area.turn_times for area in self.areas)

    @cached_property
    def shift_by_id(self) -> dict[int, ShiftSpec]:
        """Shifts by their id."""
        return {shift.id: shift for shift in self.shifts}

    @cached_property
    def area_by_key(self) -> dict[str, AreaSpec]:
        """Areas by their key."""
        return {area.key: area for area in self.areas}

    @cached_property
    def area_by_id(self) -> dict[int, AreaSpec]:
        """Areas by their id."""
        return {area.id: area for area in self.areas}

    @cached_property
    def table_by_id(self) -> dict[int, TableSpec]:
        """Tables by their id."""
        return {table.id: table for table in self.tables}
