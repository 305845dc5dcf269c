"""The screens beside that of the meeting, a file a screen."""
