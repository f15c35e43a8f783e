"""The command line: one file a command group; parse, call, print. Nothing else prints or exits."""
