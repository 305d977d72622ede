"""What is kept of TiKV before and after a trial."""
