package objects

import (
	"errors"
	"strings"
	"testing"
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
