"""Whether TiKV is healthy and serves: which queries are due, what is known at an instant, and the verdict on that."""
