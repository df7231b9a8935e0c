package node

// CounterFile is for tests in other packages' names, which clean up behind a spool.
var CounterFile = counterFile

const Patience = patience
