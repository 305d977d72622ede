"""Watching a subject of pods and HTTP members: what every oracle needs, whatever it asks and however it judges.

`stream` turns pod events and replies into verdicts, `polling` sends the questions, `results` keeps the newest answers.
A subject brings the other half, a `HealthProber`: what to look at, what to ask, how to judge.
"""
