"""Programs over virtual time, through the real component, against a scripted network.

::

    simulation → clients → transport → outcomes, requests
               → script, faults, loop → clock

Only clock, event loop time, randomness and the network are simulated: clients, ``calls/``, the
engine and the component are those that users have.
"""
