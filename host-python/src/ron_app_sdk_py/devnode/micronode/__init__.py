"""A micronode: ``protocol.md`` 1.6 and 6.

::

    application → status
                → kv → guards
                → facets → guards, loader → manifest
                         → facet_proxy
"""
