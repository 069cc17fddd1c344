"""The numbers of PostgreSQL's advisory locks, in one place so that no two locks share a number."""

IMPORT = 1_397_706_320
BUILD = 1_397_706_321
ROLL_UP = 1_397_706_322
