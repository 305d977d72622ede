"""PD's members and TiKV's stores: where they are, what they are asked, and what their answers look like."""
