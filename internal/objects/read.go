package objects

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrVersion means that a newer program wrote the object. What this one does not know of it would be lost if it wrote it again, so it
// leaves it alone: during a deployment for a moment, after one was taken back until it is made again.
var ErrVersion = errors.New("written by a newer version")

// Read unmarshals a record in JSON, whose field "version" is at most the version that the caller knows; without the field it is of the
// first. Errors name object and generation; one of [ErrVersion] comes before anything is unmarshaled.
func (o Object) Read(version int, into any) error {
	var is struct {
		Version int `json:"version"`
	}
	err := json.Unmarshal(o.Data, &is)
	switch {
	case err == nil && is.Version > version:
		err = fmt.Errorf("%w: it has version %d, and this program knows %d", ErrVersion, is.Version, version)
	case err == nil:
		err = json.Unmarshal(o.Data, into)
	}
	if err != nil {
		return fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err)
	}
	return nil
}
