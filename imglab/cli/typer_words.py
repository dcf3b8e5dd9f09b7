"""What typer itself says in a help or about a mistake, in this process' language."""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from imglab.language import CATALOGUES, DOMAIN, ENGLISH, language, tr

Act = TypeVar("Act", bound=Callable[..., Any])


def speak() -> None:
    """Let typer find its words in our catalogue; it asks gettext for them, as programs do.

    It comes before typer's module for help is loaded, which reads some of them at once.
    """
    if language() == ENGLISH:
        return
    # gettext's own variable for it: it knows no other way than the environment.
    os.environ["LANGUAGE"] = language()
    gettext.bindtextdomain(DOMAIN, str(CATALOGUES))
    gettext.textdomain(DOMAIN)


class Commands(typer.Typer):
    """Commands under one name, whose help is in this process' language altogether."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            cls=_Group,
            no_args_is_help=True,
            add_completion=False,
            pretty_exceptions_enable=False,
            options_metavar=tr("[OPTIONS]"),
            subcommand_metavar=tr("COMMAND [ARGS]..."),
            **options,
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[Act], Act]:
        """Make a command of a function: its help is `help`, for a docstring has one language."""
        return super().command(name, cls=_Command, options_metavar=tr("[OPTIONS]"), **options)


class _Command(TyperCommand):
    def format_usage(self, ctx: Any, formatter: Any) -> None:
        _write_usage(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        return _with_our_words(super().get_help_option(ctx))


class _Group(TyperGroup):
    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _mistakes_in_our_words():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _mistakes_in_our_words():
            return super().invoke(ctx)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        _write_usage(self, ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        return _with_our_words(super().get_help_option(ctx))


def _write_usage(command: Any, ctx: Any, formatter: Any) -> None:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, pieces, tr("Usage: "))


def _with_our_words(help_option: Any) -> Any:
    if help_option is not None:
        help_option.help = tr("Show this message and exit.")
    return help_option


@contextmanager
def _mistakes_in_our_words() -> Iterator[None]:
    """Let what typer raises inside the block be told in this process' language."""
    try:
        yield
    except Exception as error:
        # Of all errors, those that typer shows in a frame have this.
        if language() != ENGLISH and hasattr(error, "format_message"):
            from imglab.cli.typer_texts import tell_in_our_words

            tell_in_our_words(error)
        raise
