"""Brings TiKV to its known state before a trial, in place or by recreating it empty."""
