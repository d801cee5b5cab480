"""Errors of the `maitred` command: plain lines that name the key, and the exit code.

0: done, or in order. 1: refused, or `check` found something. 2: the caller's input is wrong.
3: there is no database to work with, so nothing was done or checked.
"""

import errno
from typing import Any, Final

import click
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.core.errors import FileInvalid, Invalid, MaitredError, SettingsInvalid

#: Longest first sentence of a command's help.
_SENTENCE: Final = 160


class Refused(click.ClickException):
    """An error as the terminal shows it: one line for each problem. Exits with 1."""

    def show(self, file: Any = None) -> None:
        """Print it to standard error."""
        for line in self.message.splitlines():
            click.echo(f"maitred: {line}", err=True)


class Unusable(Refused):
    """The caller's input is wrong: arguments, files, the environment. Exits with 2."""

    exit_code = 2


class NoDatabase(Refused):
    """DATABASE_URL leads to no server, or to a database without the tables. Exits with 3."""

    exit_code = 3


class PlainGroup(click.Group):
    """A group of commands that reports known errors without a traceback."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its whole first sentence; click cuts it to one line."""
        rows = [
            (name, command.get_short_help_str(_SENTENCE))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn known errors into `Refused`."""
        try:
            return super().invoke(ctx)
        except (FileInvalid, SettingsInvalid) as invalid:
            raise Unusable(_lines(invalid)) from invalid
        except Invalid as invalid:
            raise Unusable(_named(invalid)) from invalid
        except MaitredError as refused:
            raise Refused(_named(refused)) from refused
        except ValidationError as invalid:
            raise Unusable(str(invalid)) from invalid
        except SQLAlchemyError as error:
            raise NoDatabase(f"DATABASE_URL: {_database(error)}") from error
        except ModuleNotFoundError as missing:
            raise Unusable(_module(missing)) from missing
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader closed the pipe (`| head`); click exits quietly
            raise Unusable(str(error)) from error


def _lines(invalid: MaitredError) -> str:
    """Return one line per problem. File errors already have that form; settings errors use `; `."""
    is_file = isinstance(invalid, FileInvalid)
    return invalid.message if is_file else invalid.message.replace("; ", "\n")


def _module(missing: ModuleNotFoundError) -> str:
    """Explain a missing module: database drivers are extras, and a URL may need one."""
    if missing.name == "MySQLdb":
        return "DATABASE_URL: the driver is not installed; install maitred with the extra `mysql`"
    return str(missing)


def _named(refused: MaitredError) -> str:
    """Return the refusal, or one line for each field at fault."""
    lines = [f"{problem.field}: {problem.message}" for problem in refused.fields]
    return "\n".join(lines) or refused.message


def _database(error: SQLAlchemyError) -> str:
    """Return the driver's message, without the statement and its parameters."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        message = " ".join(str(part) for part in error.orig.args) or type(error.orig).__name__
    else:
        message = str(error).partition("\n")[0]
    if "no such table" in message or "doesn't exist" in message:
        return f"{message} (run `maitred migrate`?)"
    return message
