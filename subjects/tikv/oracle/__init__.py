"""Whether TiKV is whole and serves: what is asked when, what is known at an instant, and the verdict on that."""
