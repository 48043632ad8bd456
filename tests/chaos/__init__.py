"""Calls of every type through every fault: right answer or right error, on time, nothing done
twice, nothing left.

``make chaos`` runs it and prints a table; a small part runs with the tests. A case is a combination
of values, and the combinations cover every pair of values.

::

    __main__ → settings, report, servers
             → checks → observing → cases   → pairs, faults, requests
                                  → clients → requests
                                  → counting, leaks
"""
