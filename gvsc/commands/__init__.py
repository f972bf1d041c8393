"""The subcommands of ``gvsc``, one to a file."""
