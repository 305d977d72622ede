"""Reading the records from wherever one is: from their database, or over HTTP from the controller that has them open.

`protocol` says what can be asked. `database` and `remote` answer it, and whoever asks does not care which; `server` is
the other end of `remote`, in the controller. In between, rows are JSON: `as_json` writes it, `from_json` reads it, and
docs/json.md promises it, for it is also what the command line prints.
"""
