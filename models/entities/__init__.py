"""The entities: mapped classes and constraints, no behaviour."""

from models.entities.accounts import Account, Membership, RecoveryCode, SecondFactor, SignIn
from models.entities.door import DoorEntry
from models.entities.evening import (
    BlockedTable,
    BlockKept,
    BookLimit,
    EveningAct,
    SectionTable,
    TableBlock,
)
from models.entities.files import File, FileVersion
from models.entities.flags import FlagChange, FlagSwitch
from models.entities.floor import Area, Combination, CombinationTable, DiningTable, Restaurant
from models.entities.guest_book import (
    GuestBook,
    GuestContact,
    GuestEvent,
    GuestName,
    GuestNote,
    GuestRecord,
)
from models.entities.messages import ChannelState, Message
from models.entities.parties import PartyDetails
from models.entities.privacy import AuditEntry, Consent, Erasure
from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
    ReservationMove,
    SeatedTable,
    TableOccupancy,
)
from models.entities.running import (
    HealthChange,
    IdempotencyKey,
    JobRun,
    Lease,
    ProcessSeen,
    Promotion,
)
from models.entities.shifts import Closure, Shift, ShiftDay

__all__ = [
    "Account",
    "Area",
    "Assignment",
    "AuditEntry",
    "BlockKept",
    "BlockedTable",
    "BookLimit",
    "ChannelState",
    "Closure",
    "Combination",
    "CombinationTable",
    "Consent",
    "DiningTable",
    "DoorEntry",
    "Erasure",
    "EveningAct",
    "File",
    "FileVersion",
    "FlagChange",
    "FlagSwitch",
    "GuestBook",
    "GuestContact",
    "GuestEvent",
    "GuestName",
    "GuestNote",
    "GuestRecord",
    "HealthChange",
    "IdempotencyKey",
    "JobRun",
    "Lease",
    "Membership",
    "Message",
    "PartyDetails",
    "ProcessSeen",
    "Promotion",
    "RecoveryCode",
    "Reservation",
    "ReservationChange",
    "ReservationMove",
    "Restaurant",
    "SeatedTable",
    "SecondFactor",
    "SectionTable",
    "Shift",
    "ShiftDay",
    "SignIn",
    "TableBlock",
    "TableOccupancy",
]
