package objects

import (
	"encoding/json"
	"errors"
	"fmt"

	"tiercel.dev/internal/fault"
)

// ErrVersion means that a newer program wrote the object. What this one does not know of it would be lost if it wrote it again, so it
// leaves it alone: during a deployment for a moment, after one was taken back until it is made again.
var ErrVersion = errors.New("written by a newer version")

// Expect is [Object.Read] for who can do nothing about a record that is none: that is [fault.ErrPoison]. One of a newer version is not,
// since the program that knows it comes back.
func (o Object) Expect(version int, into any) error { return final(o.Read(version, into)) }

// ExpectForm is Expect for records whose "version" is of what they are about: theirs stands in "form".
func (o Object) ExpectForm(version int, into any) error {
	var is struct {
		Form int `json:"form"`
	}
	return final(o.read(version, &is, &is.Form, into))
}

func final(err error) error {
	if err != nil && !errors.Is(err, ErrVersion) {
		return fault.Poison(err)
	}
	return err
}

// Read unmarshals a record in JSON, whose field "version" is at most the version that the caller knows; without the field it is of the
// first. Errors name object and generation; one of [ErrVersion] comes before anything is unmarshaled.
func (o Object) Read(version int, into any) error {
	var is struct {
		Version int `json:"version"`
	}
	return o.read(version, &is, &is.Version, into)
}

// read reads the head first, in which the version is.
func (o Object) read(known int, head any, version *int, into any) error {
	err := json.Unmarshal(o.Data, head)
	switch {
	case err == nil && *version > known:
		err = fmt.Errorf("%w: it has version %d, and this program knows %d", ErrVersion, *version, known)
	case err == nil:
		err = json.Unmarshal(o.Data, into)
	}
	if err != nil {
		return fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err)
	}
	return nil
}
