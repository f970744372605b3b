"""Modules that the scripts beside this folder share."""
