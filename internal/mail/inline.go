package mail

import (
	"bytes"
	"encoding/base64"
)

// Inline puts pictures into HTML, for browsers: mail clients would drop them there.
func Inline(html []byte, pictures []Part) []byte {
	for _, p := range pictures {
		data := "data:" + p.Type + ";base64," + base64.StdEncoding.EncodeToString(p.Data)
		html = bytes.ReplaceAll(html, []byte(`"cid:`+p.Name+`"`), []byte(`"`+data+`"`))
	}
	return html
}
