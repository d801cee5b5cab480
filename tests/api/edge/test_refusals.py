"""What the page says when the server refuses: each code has a text in each language."""

import ast
import re
from collections.abc import Iterator

import pytest

from models.core.errors import MaitredError
from models.rules.deciding.board import Reason
from models.rules.reservations.lifecycle import Status
from tasks.messaging.templates.wording import LANGUAGES
from tests.api.conftest import Stand
from tests.architecture.tree import Module, product
from web.http.errors import MESSAGES
from web.http.problems import PROBLEMS
from web.pages.stand.page import js_words_of

#: Reasons that only a guest's own request can have.
GUESTS = {
    Reason.SAME_GUEST,
    Reason.NO_SHOWS,
    Reason.WAITLIST_FULL,
    Reason.UNPROVED,
    Reason.NOT_APPROVED,
    Reason.UNANSWERED,
    Reason.APPROVAL,
}
#: Problems for which the page does not need their code: it goes by the status, or by the sentence.
BY_STATUS = {401, 403, 412, 503}
BY_SENTENCE = {"invalid", "state-conflict", "table-taken", "too-large", "not-seated"}
#: Problems that the page cannot cause.
NEVER = {
    "bad-request": "its requests are JSON",
    "unsupported-media-type": "its requests are JSON",
    "file-invalid": "files are loaded by a command",
    "already-booked": "a guest's",
    "too-many-changes": "a guest's",
    "too-many-sign-ins": "the page of the sign-in has its own texts",
}
#: Folders and modules whose refusals the stand can show, and among them what it cannot.
SHOWN = re.compile(r"models/(operations|rules|core)/|web/(api|schemas)/")
ELSEWHERE = re.compile(
    r"models/(operations/(accounts|running|messages|guests|floor|wall_times)/|core/(secrets|redis|"
    r"database|observe)/|core/(settings|toml_lines|zones|tls|processes|names|errors)\.py"
    r"|rules/(pictures|picture_metadata|flags|gtids|restaurant/(?!policies|closing))"
    r"|operations/reservations/(links|idempotency_keys|second_tables)\.py)"
    r"|web/api/(accounts/|flags|files|operations|provider_callbacks|stand/messages)"
    r"|web/schemas/(accounts|guests|files|flags|messages)\.py"
)
#: Sentences in these modules that no stand can be told, by their beginnings.
UNSEEN = {
    "please call the restaurant to change": "to a guest",
    "others have tables there": "the page names the parties",
    "you wait at the door": "to a guest",
    "the reservation has started": "to a guest",
    "needs an email or a phone": "to a guest",
    "must be within {}": "a report that the page does not ask for",
    "is for staff only": "to a guest",
    "is required with": "the page sends If-Match",
    "is required": "the page sends what a booking needs",
    "whole_area needs an area": "the page does not ask for it",
    "needs exactly one of until": "the page sends one",
    "must be a date": "from a control of the page",
    "is not a date that exists": "from a control of the page",
    "must lie in the years": "from a control of the page",
    "must be a whole number": "from a control of the page",
    "must be an RFC 3339 time": "from a control of the page",
    "needs its offset": "from a control of the page",
    "is not a time that exists": "from a control of the page",
    "must be a phone number such": "not a text: the page sends texts",
}
#: What makes a sentence -> which of its arguments is the code.
MAKERS = {"sentence": 0, "in_state": 0, "_only_from": 1}
RAISED = {"StateConflict", "TableTaken", "TooLarge", "Invalid", "ValueError"}


def _calls() -> Iterator[tuple[str, set[str]]]:
    """Yield the code of each sentence in the product, and the names of its values."""
    for module in product():
        for node in ast.walk(module.tree):
            maker = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or maker not in MAKERS:
                continue
            first, named = node.args[MAKERS[maker]], {str(each.arg) for each in node.keywords}
            if isinstance(first, ast.Constant):
                yield str(first.value), named | (set() if maker == "sentence" else {"state"})


def codes() -> set[str]:
    """Every code of a sentence in the product."""
    return set(MESSAGES) | {code for code, _values in _calls()}


def test_every_code_of_a_refusal_has_a_text_in_every_language() -> None:
    asked = {f"refused_{code}" for code in codes()}
    asked |= {f"reason_{each}" for each in set(Reason) - GUESTS}
    asked |= {f"state_{each}" for each in Status}
    asked |= {f"why_{each}" for each in ("seated", "arrived", "locked", "no_table", "comes")}
    asked |= {f"code_{code}" for code in _by_code()}
    assert len(asked) > 100
    for language in LANGUAGES:
        assert asked - set(js_words_of(language)) == set(), language


def _by_code() -> set[str]:
    kinds = {
        error.code: kind.status for error, kind in PROBLEMS.items() if error is not MaitredError
    }
    left = {code for code, status in kinds.items() if status not in BY_STATUS}
    return left - BY_SENTENCE - NEVER.keys() | {"internal", "body-too-large"}


def test_no_text_is_left_of_a_refusal_that_is_gone() -> None:
    said = {name.removeprefix("refused_") for name in js_words_of("en") if "refused_" in name}
    assert said - codes() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_fills_in_only_values_that_its_refusal_has(language: str) -> None:
    words = js_words_of(language)
    for code, given in _calls():
        wanted = set(re.findall(r"\{(\w+)\}", words[f"refused_{code}"]))
        assert wanted <= given, (language, code)


def test_what_the_stand_can_be_told_has_a_code() -> None:
    found = [
        f"{module.path}:{node.lineno} {said}"
        for module in product()
        if SHOWN.match(module.path) and not ELSEWHERE.match(module.path)
        for node, said in _without_code(module)
        if not any(said.startswith(each) for each in UNSEEN)
    ]
    assert found == []


def _without_code(module: Module) -> Iterator[tuple[ast.Raise, str]]:
    """Yield each error that is raised with a bare sentence."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        name = ast.unparse(node.exc.func).partition(".")[0]
        for each in node.exc.args if name in RAISED else ():
            is_field = each is node.exc.args[0] and len(node.exc.args) == 2
            if isinstance(each, ast.Constant | ast.JoinedStr) and not is_field:
                yield node, re.sub(r"\{[^}]*\}", "{}", ast.unparse(each).lstrip("f").strip("\"'"))


def test_a_refusal_carries_its_code_and_its_values(staffed: Stand) -> None:
    made, headers = staffed.confirmed(), staffed.as_staff()
    path = f"/api/v1/reservations/{made['id']}"
    refused = staffed.client.post(f"{path}/decline", headers=headers)
    assert refused.status_code == 409
    assert (refused.json["why"], refused.json["values"]) == ("no_approval", {"state": "confirmed"})
    assert refused.json["detail"] == "a reservation that is confirmed waits for no approval"
    patch = {"party_size": 1000, "guest": {"name": ""}}
    patched = staffed.client.patch(path, json=patch, headers=headers)
    errors = {each["field"]: each for each in patched.json["errors"]}
    assert errors["guest.name"]["why"] == "not_empty"
    patched = staffed.client.patch(path, json={"party_size": 1000, "area": "x"}, headers=headers)
    errors = {each["field"]: each for each in patched.json["errors"]}
    assert (errors["party_size"]["why"], errors["party_size"]["values"]) == (
        "from_one_to",
        {"most": 999},
    )
    assert errors["area"]["why"] == "unknown_area"
