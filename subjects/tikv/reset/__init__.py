"""Bringing TiKV back to its known state before a trial, in place or by a new beginning."""
