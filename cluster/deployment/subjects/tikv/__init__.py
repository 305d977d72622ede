"""TiKV to be broken: which one, where its images come from, and its regions."""
