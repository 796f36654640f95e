"""Upkeep of the course, for those who change it: ``python -m cvhelpers.course`` lists the commands."""
