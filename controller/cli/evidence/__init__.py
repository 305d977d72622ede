"""The commands that draw conclusions: `analyze`, `compare`, `compare-baseline`, `compare-variants`, `report`.

options, commands   what may be asked, and the functions behind it
arms                campaigns and their trials, read with a bar where it takes long; which campaigns belong together
sheets              rows as table, CSV or Markdown
analyses, comparisons   one campaign's numbers, and those of several, written in each format
reporting           what the page of `report` needs, gathered
"""
