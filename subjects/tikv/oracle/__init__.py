"""Whether TiKV is healthy and serves: what is asked when, what is known at an instant, and the verdict on that."""
