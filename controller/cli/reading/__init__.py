"""Commands that read the records: `list`, `trials`, `show`, `export`."""
