"""The measuring instrument: a whole meeting of real processes on this machine, observed at the
sites (`giliran rehearse`, `giliran demo`)."""
