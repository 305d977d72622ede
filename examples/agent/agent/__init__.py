"""A scripted agent. It watches a system from outside, acts by one of a few policies, and reports what it does.

It is for demonstrations and tests, which need an agent that finds and fixes faults without a language model. It is
independent of evalcampaign on purpose: it imports none of its code, has no right to read campaigns, and reads none of
its labels and Events. It uses the standard library and httpx only.
"""
