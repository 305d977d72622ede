"""One file a revision; see `docs/records.md` for adding one."""
