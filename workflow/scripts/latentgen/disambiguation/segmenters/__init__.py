"""Segmenters: one file each, with a function of the settings in config.yaml that gives one."""
