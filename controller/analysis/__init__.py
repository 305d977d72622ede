"""What records say: pure functions over trials that ended. Records in, frozen values out; nothing is written.

trial, loading     what statistics need of an attempt, read in bulk; a campaign as an arm
rates              shares with Wilson intervals, and the gate: whether a rate is proven to be high enough
survival           time to recover, censored at the deadline: Kaplan-Meier, median, restricted mean
incidence          time to detect and to resolve, where healing by itself competes
summary, estimates all of it for one campaign; the same as lines, and how numbers are written
intervals          intervals of mean times and of shares, and of their differences
permutation        one test for one primary endpoint
significance       how few trials are too few for it, and Holm's correction for several comparisons
comparison         two campaigns against each other, or a refusal
conclusion         what that came to, and the sentences beside it
moments            the recorded times of an attempt, and the words for them
junit              a campaign as a test report

The numbers take scipy and numpy, which the controller does without: nothing outside the command line and the report
imports this package, and what it needs beyond the standard library is loaded when it is used.
"""
