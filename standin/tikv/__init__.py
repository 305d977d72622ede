"""One TiKV store: replicas of regions, what PD hears of them, what clients may write."""
