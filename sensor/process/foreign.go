package process

import (
	"fmt"

	"tiercel.dev/sensor/process/procfs"
)

// check asks a source that can tell why it cannot serve.
func check(source Source) error {
	if source, ok := source.(interface{ Check() error }); ok {
		return source.Check()
	}
	return nil
}

// foreign stands in for a /proc of another pid namespace. The numbers of the records name other processes there, or none:
// what it says of them would be of phantoms. So it says nothing, and only records tell. Its answer is not that processes
// are gone, which would end those that live.
type foreign struct {
	of  interface{ Clock() (boot, epoch int64) }
	err error
}

func (f foreign) Check() error { return f.err }

func (f foreign) Clock() (boot, epoch int64) { return f.of.Clock() }

func (f foreign) PIDs() ([]int32, error) { return nil, f.err }

func (f foreign) Process(pid int32) (procfs.Facts, error) { return procfs.Facts{}, f.none(pid) }

func (f foreign) Image(pid int32, _ int64) (procfs.Image, error) { return procfs.Image{}, f.none(pid) }

func (f foreign) Names(pid int32, _ procfs.Database) (procfs.Names, error) { return nil, f.none(pid) }

func (f foreign) none(pid int32) error { return fmt.Errorf("process %d: %w", pid, f.err) }
