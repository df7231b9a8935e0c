package probe

import "testing"

// A 64-bit program cannot make a 32-bit call here.
var callers32 = map[string]func(*testing.T){"program": byProgram}
