# The image is Python's, as Docker's own image of this name is: pip may install into it.
rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
ln -sf python3 /usr/bin/python
