"""A scripted agent: watches a system as an outsider would, tells what it does, and acts by one of a few policies.

It exists for demonstrations and tests, where something must find and fix faults without a language model. It knows
nothing of evalcampaign, on purpose: it imports none of its code, may read no campaign, and looks at none of its labels
and Events. What it reports is what any agent would report. Standard library and httpx only.
"""
