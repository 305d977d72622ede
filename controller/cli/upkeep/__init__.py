"""Commands that look after the records: `backup`, `unlock`, `version`."""
