"""The rules of a meeting: pure, no clock, no chance, no I/O; imports nothing but `protocol`."""
