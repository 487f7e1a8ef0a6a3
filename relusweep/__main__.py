"""``python -m relusweep``: the command line."""

from relusweep.pipeline.commands.app import main

main()
