"""Writes what the wheel says of others' work: the bill of materials and the licences.

Run by the build, after the artifacts: ``python -m sbom``. Not in the package.
"""
