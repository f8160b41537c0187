"""From the files of a bundle to the manifests of one cluster.

Reading order: `files` (what goes in), `directory` (plain YAML to templates), `substitution`,
`values` and `patches` (what differs between clusters), `objects` and `scope` (what makes an object
ours), `render` (all of it together, each thing once).
"""
