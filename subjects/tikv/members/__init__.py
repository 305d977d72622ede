"""PD's members and TiKV's stores: where they are, what they are queried for, and what their answers look like."""
