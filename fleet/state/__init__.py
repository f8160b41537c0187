"""The state of the fleet as a fold of facts.  Pure.

`facts` says what can have happened, `fleet` what stands after all of it.
"""
