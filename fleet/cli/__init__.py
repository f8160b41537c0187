"""The command line.  One file a group of commands; `main` puts them together.

Start-up counts: modules here import nothing heavier than Typer and the API client; what a command
needs beyond that it imports when it runs.
"""
