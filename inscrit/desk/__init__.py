"""The secretary's desk: the day's figures, events at a glance, exports, the attendance list."""
