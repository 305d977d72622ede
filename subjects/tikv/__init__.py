"""TiKV: a store whose data lies in regions, each with a leader of its own, and PD, which knows where they are."""
