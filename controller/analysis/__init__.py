"""What records say: pure functions over trials that ended. Records in, frozen values out; nothing is written.

trial, loading          what statistics need of an attempt, read in bulk
rates                   shares with Wilson intervals
survival, restricted    time to recover, censored at the deadline
incidence               time to detect and to resolve, where healing by itself competes
commands                what the agent ran, counted
summary, estimates      all of it for one campaign; the same as plain lines
words                   numbers as people read them
mover                   intervals of mean times and of shares, and of their differences
permutation, least, holm   one test for one primary endpoint, and how few trials are too few for it
arm, comparable, pairing, comparison, conclusion   two campaigns against each other, or a refusal
rates_apart, loss, notes, circumstances   what stands beside the conclusion
gate                    whether a rate is proven to be high enough
junit                   a campaign as a test report

The numbers take scipy and numpy, which the controller does without: nothing outside the command line and the report
imports this package, and what it needs beyond the standard library is loaded when it is used.
"""
