package probe

import (
	"runtime"
	"testing"

	"tiercel.dev/internal/event"
)

// only32 and only64 are the calls that one of the two tables of this architecture lacks.
var (
	only32 = map[string][]event.Kind{
		"amd64": {event.Umount},
		"arm64": {event.Open, event.Creat, event.Dup2, event.Unlink, event.Rename, event.Chmod,
			event.Symlink, event.Link, event.Rmdir, event.Mkdir, event.Mknod},
	}
	only64 = map[string][]event.Kind{}
)

// A call that is an event when a 64-bit program makes it is one when a 32-bit program does.
func TestTables(t *testing.T) {
	var native, compat, exceptions event.KindSet
	for kind := range nativeCalls {
		native.Add(kind)
	}
	for _, kind := range compatCalls {
		compat.Add(kind)
	}
	for _, kind := range socketCalls {
		compat.Add(kind)
	}
	for _, kind := range append(only32[runtime.GOARCH], only64[runtime.GOARCH]...) {
		exceptions.Add(kind)
	}
	for kind := range native.Union(compat).All() {
		both := native.Has(kind) && compat.Has(kind)
		if both == exceptions.Has(kind) {
			t.Errorf("%v: native %v, 32-bit %v, excepted %v", kind, native.Has(kind), compat.Has(kind), exceptions.Has(kind))
		}
	}
	for kind := range event.AllKinds().All() {
		neither := runtime.GOARCH == "arm64" && kind == event.Umount
		if kind.IsSyscall() && knownCalls.Has(kind) == neither {
			t.Errorf("%v is in neither table", kind)
		}
	}
}
