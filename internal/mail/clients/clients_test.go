package clients

import (
	"strings"
	"testing"
)

func TestCheckRefuses(t *testing.T) {
	for name, html := range map[string]string{
		"script":           `<script>x</script>`,
		"form":             `<form></form>`,
		"svg":              `<svg></svg>`,
		"handler":          `<p onclick="x">a</p>`,
		"flex":             `<p style="display:flex">a</p>`,
		"grid":             `<p style="display:grid;">a</p>`,
		"position":         `<p style="position:absolute">a</p>`,
		"background":       `<p style="background:url(https://x)">a</p>`,
		"remote picture":   `<img src="https://x/y.png" alt="x" width="1">`,
		"data picture":     `<img src="data:image/png;base64,AA" alt="x" width="1">`,
		"unknown picture":  `<img src="cid:b.png" alt="x" width="1">`,
		"no alt":           `<img src="cid:a.png" width="1">`,
		"external sheet":   `<link rel="stylesheet" href="https://x">`,
		"imported sheet":   `<style>@import url(x);</style><style>@media print{` + "\n" + `.a{color:red}}</style>`,
		"javascript link":  `<a href="javascript:x">a</a>`,
		"plain link":       `<a href="http://x">a</a>`,
		"unclosed":         `<table><tr>`,
		"crossed":          `<p><b></p></b>`,
		"comment":          `<!--[if mso]>x<![endif]-->`,
		"filtered by Go":   `<p style="color:ZgotmplZ">a</p>`,
		"too long":         strings.Repeat("a", MaxHTML+1),
		"picture unshown":  `<p>a</p>`,
		"selector by name": `<style>p{color:red}</style>`,
	} {
		pictures := []string{"a.png"}
		if !strings.Contains(name, "picture") && !strings.Contains(name, "alt") {
			pictures = nil
		}
		if Check([]byte(html), pictures...) == nil {
			t.Errorf("%s is let through", name)
		}
	}
	if got := Check([]byte(`<p style="color:#ffffff;">a</p><p>b<br><img src="cid:a.png" alt="a" width="1"></p>`), "a.png"); got != nil {
		t.Error(got)
	}
}
