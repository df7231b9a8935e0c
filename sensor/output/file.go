package output

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tiercel.dev/alert"
)

// file appends lines to a file. It is opened when it is first needed, and again after an error: a directory that is
// missing, a read-only or a full disk may be mended while the sensor runs.
type file struct {
	path   string
	format Format
	f      *os.File
	torn   bool
}

// NewFile makes an Output that appends lines to the file at path, made with mode 0600 if it is not there; its
// directory must be. Reopen opens path anew: call it after the file was moved away.
func NewFile(path string, format Format) Output { return &file{path: path, format: format} }

func (o *file) Write(_ context.Context, a *alert.Alert) error {
	line, err := o.format.line(a, false)
	if err != nil {
		return err
	}
	if o.f == nil {
		if err := o.open(); err != nil {
			return err
		}
	}
	if err := writeLine(o.f, line, &o.torn); err != nil {
		o.f.Close()
		o.f = nil
		return err
	}
	return nil
}

// open also looks whether the file ends within a line, be it ours or an earlier run's.
func (o *file) open() error {
	access := os.O_RDWR
	if st, err := os.Stat(o.path); err == nil && !st.Mode().IsRegular() {
		access = os.O_WRONLY // opened for both, a named pipe would be its own reader
	}
	// O_NONBLOCK, so that a pipe without a reader is an error and not a wait; it does nothing for files.
	f, err := os.OpenFile(o.path, access|os.O_CREATE|os.O_APPEND|unix.O_NONBLOCK, 0o600)
	if err != nil {
		if dir := filepath.Dir(o.path); os.IsNotExist(err) {
			return fmt.Errorf("%w (make the directory %s)", err, dir)
		}
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	o.torn = false
	if size := st.Size(); st.Mode().IsRegular() && size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			f.Close()
			return fmt.Errorf("%s: read its end: %w", o.path, err)
		}
		o.torn = last[0] != '\n'
	}
	o.f = f
	return nil
}

// Reopen closes the file; the next alert opens what path names by then. It is opened now as well, so that a tool that
// moved the old one finds the new one in its place.
func (o *file) Reopen() error {
	if o.f != nil {
		o.f.Close()
		o.f = nil
	}
	return o.open()
}

func (o *file) Close(context.Context) error {
	if o.f == nil {
		return nil
	}
	err := o.f.Close()
	o.f = nil
	return err
}

// brief is a file that is opened anew for each alert, so that who moves it away need not say so.
type brief struct{ file }

func (o *brief) Write(ctx context.Context, a *alert.Alert) error {
	return errors.Join(o.file.Write(ctx, a), o.Close(ctx))
}
