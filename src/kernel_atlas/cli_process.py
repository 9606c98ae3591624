"""The command as a process: messages and exit statuses."""

import logging
import os
import sys

import click

from kernel_atlas.errors import AtlasError


def run(command: click.Command) -> None:
    """Run the command: one line and exit status 2 on bad input, 130 after Ctrl-C."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        sys.exit(command(prog_name="kernel-atlas", standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        fault = error.format_message()
    except AtlasError as error:
        fault = str(error)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # the reader has gone; nothing may be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        fault = f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
    click.echo(f"Error: {' '.join(fault.split())}", err=True)
    sys.exit(2)
