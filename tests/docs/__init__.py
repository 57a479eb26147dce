"""What the documents say is true: code runs, commands exist, links lead somewhere.

Every fenced block of README.md, CHANGELOG.md and docs/ is run or type-checked. A test module takes
the blocks that it checks with `claim`; `test_blocks.py` fails for a block that nobody has claimed.
"""
