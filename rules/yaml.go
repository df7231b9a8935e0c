package rules

import "tiercel.dev/rules/source"

// A file is a source with what is wrong with it.
type file struct{ *source.Reader }

func newFile(src Source, errs *Errors) *file { return &file{source.NewReader(src, errs)} }
