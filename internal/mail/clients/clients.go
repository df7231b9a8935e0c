// Package clients knows what mail clients show: an allow-list of elements, attributes and CSS, for tests of what is mailed. What
// is not on it is dropped by one of the large clients, or leads out of the mail.
// https://www.caniemail.com and https://developers.google.com/workspace/gmail/design/css
package clients

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// MaxHTML is the largest HTML that is shown whole: Gmail cuts at 102 KB.
const MaxHTML = 100_000

var elements = strings.Fields("html head meta title style body table tr td th div span p h1 h2 h3 a img b br code")

var attributes = map[string][]string{
	"":      strings.Fields("style class align valign width height bgcolor"),
	"html":  {"lang"},
	"meta":  {"name", "content", "http-equiv"},
	"table": strings.Fields("role cellpadding cellspacing border"),
	"td":    {"colspan", "rowspan"},
	"th":    {"colspan", "rowspan", "scope"},
	"a":     {"href"},
	"img":   {"src", "alt", "border"},
}

var properties = strings.Fields(`background color font font-family font-size font-weight font-style line-height letter-spacing text-align text-decoration
	vertical-align white-space word-break margin margin-top margin-bottom padding padding-left padding-right padding-top padding-bottom border
	border-top border-bottom border-left border-color border-radius border-collapse width max-width min-width height max-height display opacity
	overflow table-layout color-scheme supported-color-schemes`)

var (
	declaration = regexp.MustCompile(`^\s*([a-z-]+)\s*:\s*(.+?)\s*$`)
	// medias are the at-rules that may stand in <style>, where all is an enhancement.
	medias = regexp.MustCompile(`^@media \((prefers-color-scheme:dark|max-width:\d+px)\)$`)
)

// Check returns what is not on the list, nil if all is. pictures are the content ids that the mail has.
func Check(mail []byte, pictures ...string) (wrong []error) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if len(mail) > MaxHTML {
		add("%d bytes: Gmail cuts what is beyond 102 KB", len(mail))
	}
	shown := map[string]bool{}
	var open []string
	for z := html.NewTokenizer(bytes.NewReader(mail)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				add("html: %v", z.Err())
			}
			if len(open) > 0 {
				add("never ended: %v", open)
			}
			for _, id := range pictures {
				if !shown[id] {
					add("picture %s is not shown", id)
				}
			}
			return wrong
		case html.CommentToken:
			add("comment %s: Outlook reads conditions in them", z.Raw())
		case html.TextToken:
			if len(open) > 0 && open[len(open)-1] == "style" {
				wrong = append(wrong, sheet(string(z.Text()))...)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			wrong = append(wrong, element(t, pictures, shown)...)
			if !slices.Contains([]string{"meta", "img", "br"}, t.Data) {
				open = append(open, t.Data)
			}
		case html.EndTagToken:
			t := z.Token()
			if len(open) == 0 || open[len(open)-1] != t.Data {
				add("</%s> ends %v", t.Data, open)
				return wrong
			}
			open = open[:len(open)-1]
		}
	}
}

func element(t html.Token, pictures []string, shown map[string]bool) (wrong []error) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("<"+t.Data+"> "+format, args...)) }
	if !slices.Contains(elements, t.Data) {
		add("is not on the list")
	}
	has := map[string]string{}
	for _, a := range t.Attr {
		has[a.Key] = a.Val
		if !slices.Contains(attributes[""], a.Key) && !slices.Contains(attributes[t.Data], a.Key) {
			add("%s is not on the list", a.Key)
		}
	}
	wrong = append(wrong, style(has["style"])...)
	switch t.Data {
	case "img":
		id, ok := strings.CutPrefix(has["src"], "cid:")
		if !ok || !slices.Contains(pictures, id) {
			add("src %q is no picture of the mail", has["src"])
		}
		shown[id] = true
		if has["alt"] == "" || has["width"] == "" {
			add("src %q lacks alt or width", has["src"])
		}
	case "a":
		if !strings.HasPrefix(has["href"], "https://") {
			add("href %q", has["href"])
		}
	}
	return wrong
}

func style(text string) (wrong []error) {
	for d := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(d) == "" {
			continue
		}
		parts := declaration.FindStringSubmatch(d)
		if parts == nil || !slices.Contains(properties, parts[1]) {
			wrong = append(wrong, fmt.Errorf("style %q is not on the list", d))
			continue
		}
		value := strings.ToLower(parts[2])
		for _, no := range []string{"url(", "flex", "grid", "var(", "calc(", "expression", "zgotmplz", "position", "inherit"} {
			if strings.Contains(value, no) {
				wrong = append(wrong, fmt.Errorf("style %q has %s", d, no))
			}
		}
	}
	return wrong
}

// sheet checks <style>.
func sheet(text string) (wrong []error) {
	for line := range strings.SplitSeq(text, "}") {
		selector, body, ok := strings.Cut(line, "{")
		if at, rest, inner := strings.Cut(strings.TrimSpace(line), "{\n"); inner && strings.HasPrefix(at, "@") {
			if !medias.MatchString(at) {
				wrong = append(wrong, fmt.Errorf("style sheet: %q is not on the list", at))
			}
			selector, body, ok = strings.Cut(rest, "{")
		}
		if !ok {
			continue
		}
		if s := strings.TrimSpace(selector); s != ":root" && !strings.HasPrefix(s, ".") {
			wrong = append(wrong, fmt.Errorf("style sheet: selector %q", s))
		}
		wrong = append(wrong, style(strings.ReplaceAll(body, "!important", ""))...)
	}
	return wrong
}
