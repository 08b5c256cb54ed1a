"""Four hundred people in two deliveries, some misspelt in the second: enough to train a model on."""

from __future__ import annotations

from tests.fakes.deliveries import nhs_number
from tests.fakes.zones import LinkageBench

PEOPLE = 400
COLUMNS = {"sex": "VARCHAR"}
SURNAMES = ("Amin", "Brown", "Clark", "Dunn", "Evans", "Ford", "Grant", "Hill", "Iqbal", "Jones", "Khan", "Lowe")
FORENAMES = ("Ada", "Ben", "Cora", "Dev", "Ewa", "Finn", "Gita", "Hugh", "Ines", "Jon")


def one_person(number: int, name: str) -> dict[str, object]:
    """People whose names, birthdays and postcodes repeat as people's do."""
    return {
        "local_id": f"{name}{number}",
        "nhs_number": nhs_number(number),
        "surname": SURNAMES[number % 12] + ("son" if number % 5 == 0 else ""),
        "forenames": FORENAMES[number % 10],
        "sex": "F" if number % 2 else "M",
        "date_of_birth": f"19{40 + number % 50}-{1 + number % 12:02d}-{1 + number * 7 % 28:02d}",
        "postcode": f"LS{number % 8 + 1} {number % 9 + 1}A{chr(65 + number % 4)}",
    }


def deliver_people(bench: LinkageBench) -> None:
    """Into its zones."""
    bench.deliver("gp", "gp_patients", [one_person(n, "g") for n in range(PEOPLE)], COLUMNS)
    again = [one_person(n, "h") | ({"surname": "Smythe"} if n % 9 == 0 else {}) for n in range(PEOPLE)]
    bench.deliver("hospital", "episodes", again, COLUMNS)
