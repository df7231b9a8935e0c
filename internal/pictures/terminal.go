package main

import (
	"context"
	"html/template"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
)

// A span is text in one style, by the numbers of its SGR sequence.
type span struct{ Style, Text string }

// screen reads what a program wrote to a terminal and returns the lines that stand there: it knows the sequences that `tiercel
// up` uses, to colour, and to take a line away.
func screen(written string) (lines [][]span) {
	style := ""
	var line []span
	for written != "" {
		switch r, n := utf8.DecodeRuneInString(written); {
		case r == '\n':
			lines, line = append(lines, line), nil
			written = written[1:]
		case r == '\r':
			written = written[1:]
		case strings.HasPrefix(written, "\x1b["):
			end := strings.IndexFunc(written[2:], func(r rune) bool { return r >= '@' && r <= '~' }) + 2
			if end < 2 {
				return append(lines, line) // it is being written
			}
			switch arguments := written[2:end]; written[end] {
			case 'm':
				style = "s" + strings.ReplaceAll(arguments, ";", "-")
			case 'K':
				line = nil
			}
			written = written[end+1:]
		default:
			line = append(line, span{style, written[:n]})
			written = written[n:]
		}
	}
	return append(lines, line)
}

// trimmed leaves out what script(1) says of itself, and joins what has one style.
func trimmed(lines [][]span) (out [][]span) {
	for _, line := range lines {
		var joined []span
		text := ""
		for _, s := range line {
			text += s.Text
			if last := len(joined) - 1; last >= 0 && joined[last].Style == s.Style {
				joined[last].Text += s.Text
			} else {
				joined = append(joined, s)
			}
		}
		if !strings.HasPrefix(text, "Script ") {
			out = append(out, joined)
		}
	}
	return out
}

var terminalPage = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #0d1117; }
main { width: {{.Columns}}ch; padding: 14px 18px 16px; background: #0d1117; color: #d5dbe3; font: 13px/1.5 "DejaVu Sans Mono", monospace; }
div { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.5em; }
.prompt { color: #7ee787; }
.s1 { font-weight: 700; color: #fff; } .s2 { color: #7d8896; } .s31 { color: #ff7b72; } .s33 { color: #e3b341; } .s36 { color: #56d4dd; }
.s1-97-41 { font-weight: 700; color: #fff; background: #c93c37; }
</style><main id="terminal"><div><span class="prompt">#</span> tiercel up</div>
{{- range .Lines}}<div>{{range .}}<span class="{{.Style}}">{{.Text}}</span>{{end}}</div>{{end}}</main>`))

// takeTerminal takes a picture of the terminal as it is.
func takeTerminal(ctx context.Context, written []byte, file string) error {
	var page strings.Builder
	err := terminalPage.Execute(&page, struct {
		Columns int
		Lines   [][]span
	}{columns, trimmed(screen(string(written)))})
	if err != nil {
		return err
	}
	ctx, done := chromedp.NewContext(ctx)
	defer done()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate("data:text/html;charset=utf-8,"+url.PathEscape(page.String()))); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.ScreenshotScale("#terminal", 1))
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
