"""Watching the health of a subject of pods and HTTP members: what every oracle needs, for any query.

`stream` turns pod events and query results into verdicts; `polling` sends the queries and keeps their latest results.
A subject adds a `HealthProber`: which pods to watch, what to query, and how to assess the results.
"""
