package objects

import (
	"errors"
	"strings"
	"testing"

	"tiercel.dev/internal/fault"
)

func TestRead(t *testing.T) {
	type record struct {
		Version int    `json:"version"`
		Text    string `json:"text"`
	}
	for name, tt := range map[string]struct{ data, want, said string }{
		"of before there were versions": {`{"text":"a"}`, "a", ""},
		"of this one":                   {`{"version":2,"text":"a"}`, "a", ""},
		"with a field that went":        {`{"version":1,"text":"a","gone":[1]}`, "a", ""},
		"of the next":                   {`{"version":3,"text":"a"}`, "", "x/y.json, generation 7: written by a newer version: it has version 3, and this program knows 2"},
		"of the next, in another form":  {`{"version":3,"text":{}}`, "", "written by a newer version"},
		"a version that is none":        {`{"version":"3","text":"a"}`, "", "x/y.json, generation 7: json: cannot unmarshal"},
		"broken":                        {`{"version":2,`, "", "x/y.json, generation 7: unexpected end"},
		"empty":                         {``, "", "x/y.json, generation 7: unexpected end"},
	} {
		var r record
		err := Object{Name: "x/y.json", Generation: 7, Data: []byte(tt.data)}.Read(2, &r)
		if r.Text != tt.want || (err == nil) != (tt.said == "") || err != nil && !strings.Contains(err.Error(), tt.said) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if errors.Is(err, ErrVersion) != strings.Contains(tt.said, "newer") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A record whose version is of something else has its own beside it; of what is none nothing will come, of what is newer something may.
func TestForm(t *testing.T) {
	type record struct {
		Version string `json:"version"`
		Form    int    `json:"form"`
	}
	for data, want := range map[string]error{
		`{"version":"1.33"}`: nil, `{"version":"1.33","form":1}`: nil, `{"version":"1.33","form":2}`: ErrVersion, `{"version":{},"form":2}`: ErrVersion,
		`{"version":{}}`: fault.ErrPoison, `{"form":"2"}`: fault.ErrPoison, ``: fault.ErrPoison,
	} {
		var r record
		err := Object{Data: []byte(data)}.ExpectForm(1, &r)
		if !errors.Is(err, want) || errors.Is(err, ErrVersion) && errors.Is(err, fault.ErrPoison) || want == nil && r.Version != "1.33" {
			t.Errorf("%s: %+v, %v", data, r, err)
		}
	}
}
