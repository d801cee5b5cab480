"""One server reads another's dump; the values of rows are never changed."""

import pytest

from tasks.backups.databases.dialects import for_server

MARIADB, MYSQL = "10.11.19-MariaDB-0+deb12u1", "9.7.4-2"


def turned(dump: str, *, made_by: str, read_by: str, size: int) -> str:
    data = dump.encode()
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(for_server(blocks, made_by=made_by, read_by=read_by)).decode()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_collations_of_mysql_are_named_as_mariadb_knows_them(size: int) -> None:
    row = "INSERT INTO `t` VALUES ('  `a` COLLATE utf8mb4_0900_ai_ci'),('x\\n) ENGINE=');\n"
    dump = (
        "CREATE TABLE `t` (\n"
        "  `a` varchar(9) COLLATE utf8mb4_0900_ai_ci NOT NULL,\n"
        "  `b` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_es_0900_as_cs,\n"
        "  `c` varchar(9) COLLATE utf8mb4_unicode_ci\n"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;\n" + row
    )
    found = turned(dump, made_by=MYSQL, read_by=MARIADB, size=size)
    head, kept = found[: -len(row)], found[-len(row) :]
    assert kept == row
    assert "0900" not in head
    assert head.count("utf8mb4_bin") == 3
    assert "COLLATE utf8mb4_unicode_ci" in head


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_json_that_mariadb_writes_as_text_is_json_again_in_mysql(size: int) -> None:
    dump = (
        "  `a` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
        " CHECK (json_valid(`a`)),\n"
        "  `b` longtext DEFAULT NULL CHECK (json_valid(`b`)),\n"
        "  `c` longtext NOT NULL,\n"
        "  `d` longtext CHECK (json_valid(`a`))\n"
    )
    found = turned(dump, made_by=MARIADB, read_by=MYSQL, size=size)
    assert found.splitlines() == [
        "  `a` json NOT NULL,",
        "  `b` json DEFAULT NULL,",
        "  `c` longtext NOT NULL,",
        "  `d` longtext CHECK (json_valid(`a`))",
    ]


def test_a_long_row_passes_in_parts_and_whole() -> None:
    dump = "INSERT INTO `t` VALUES ('" + "x" * 300_000 + "');\n  `a` json\n"
    assert turned(dump, made_by=MARIADB, read_by=MYSQL, size=8192) == dump


@pytest.mark.parametrize("version", [MARIADB, MYSQL])
def test_between_servers_of_one_kind_nothing_is_changed(version: str) -> None:
    dump = "  `a` longtext CHECK (json_valid(`a`)) COLLATE utf8mb4_0900_ai_ci\n"
    assert turned(dump, made_by=version, read_by=version, size=9) == dump
