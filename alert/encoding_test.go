package alert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

func TestJSONForm(t *testing.T) {
	a := &Alert{Schema: 1, Kind: KindAlert, Seq: 17, Severity: High, Process: &Process{Pid: 7, LoginUserId: -1},
		Output: "<a> & \"b\"", Fields: []*Field{NewField("proc.tty", int64(3)), NewField("fd.name", nil)}}
	got, err := JSON(a)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":1,"kind":"ALERT","seq":"17","severity":"HIGH","output":"<a> & \"b\"",` +
		`"fields":[{"name":"proc.tty","type":"NUMBER","number":"3"},{"name":"fd.name"}],"process":{"pid":7,"login_user_id":-1}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSONIsSafeToShow(t *testing.T) {
	const text = "a\nb\x1b[31m\x7f\u009b2J\u202e\u2028\U000e0041 é\u00a0 ✓"
	got, err := JSON(&Alert{Output: text})
	if err != nil {
		t.Fatal(err)
	}
	if safe := Escape(string(got)); safe != string(got) {
		t.Errorf("unprintable characters in %q", got)
	}
	if !strings.Contains(string(got), " é") || !strings.Contains(string(got), "✓") {
		t.Errorf("printable characters were escaped: %s", got)
	}
	var back struct{ Output string }
	if err := json.Unmarshal(got, &back); err != nil || back.Output != text {
		t.Errorf("read back %q, %v", back.Output, err)
	}
}

func TestUnmarshalRejects(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "blanks": "  \n", "not JSON": "{", "a list": "[]", "wrong type": `{"seq":true}`, "key twice": `{"seq":1,"seq":2}`,
		"number too large": `{"schema":4294967296}`, "invalid UTF-8": "{\"output\":\"\xff\"}", "trailing": `{} {}`,
		"cut binary": "\x08\x01\x1a\x20abc", "binary invalid UTF-8": "\x1a\x01\xff", "escape in error": "{\x1b[31m",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unmarshal([]byte(data))
			if !errors.Is(err, ErrEncoding) {
				t.Fatalf("got %v, want %v", err, ErrEncoding)
			}
			if Escape(err.Error()) != err.Error() {
				t.Errorf("unprintable characters in %q", err)
			}
		})
	}
}

func TestMarshalRejectsInvalidUTF8(t *testing.T) {
	for _, e := range []Encoding{EncodingJSON, EncodingBinary} {
		a := &Alert{Output: "\xff"}
		if _, err := Marshal(a, e); err == nil {
			t.Errorf("%s: no error", e)
		}
		Fit(a)
		if _, err := Marshal(a, e); err != nil {
			t.Errorf("%s after Fit: %v", e, err)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain é ✓ C:\\x": "plain é ✓ C:\\x", "": "", "a\nb\tc": `a\nb\tc`, "\x1b[0m": `\x1b[0m`, "\xff\xc3": `\xff\xc3`,
		"\u202e": `\u202e`, "\u009b": `\u009b`, "\ufffd": "\ufffd", "\U000e0041": `\U000e0041`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, a := range samples() {
		for _, e := range []Encoding{EncodingJSON, EncodingBinary} {
			b, err := Marshal(a, e)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Unmarshal(data)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Fatalf("undocumented error: %v", err)
			}
			return
		}
		if err := Validate(a); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("undocumented error: %v", err)
		}
		if s := Text(a); Escape(s) != s {
			t.Fatalf("unprintable text %q", s)
		}
		Fit(a)
		fitted := clone(a)
		Fit(a)
		if !proto.Equal(a, fitted) {
			t.Fatal("fitting twice differs")
		}
		b, err := JSON(a)
		if err != nil {
			t.Fatal(err)
		}
		a.ProtoReflect().SetUnknown(nil)
		if back, err := Unmarshal(b); err != nil || len(b) < 1000 && !knownEqual(back, a) {
			t.Fatalf("JSON read back: %v\n%s", err, b)
		}
	})
}

// knownEqual compares without the unknown fields that nested messages may hold, through their JSON.
func knownEqual(a, b *Alert) bool {
	x, errX := JSON(a)
	y, errY := JSON(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
