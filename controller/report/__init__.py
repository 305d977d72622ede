"""One HTML file with what campaigns found, to be read, sent on and kept.

attempts    one attempt as the page shows it; pure
figures    the recovery curves as SVG
origins    how to run it again: the spec as YAML, versions
page       all of it, filled into `templates/`

The file asks for nothing: no script, no font, no image from elsewhere, and a policy in it forbids them. What agents
wrote is hostile until proven otherwise; it goes through Jinja's escaping, as text and never into an attribute.
"""
