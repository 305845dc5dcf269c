"""The sub-commands of `giliran`, one a file, each loaded when it is called."""
