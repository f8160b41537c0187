"""`flotilla demo`: a whole fleet on one machine, without a cluster, root or a network.

`repository` lays out the sample fleet in a Git repository, `story` runs embedded clusters and a
server on it and makes something happen.
"""
