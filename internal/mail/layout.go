package mail

import (
	_ "embed"
	"html/template"
	"maps"
	"net/url"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

// What mail clients show is tables, inline styles, system fonts and colours; so the styles stand here once, under a name, and
// templates put them in by {{css "cell"}}. Classes only serve dark mode and small screens, which are an enhancement: a client that
// drops <style> shows the same mail on white.
var styles = map[string]template.CSS{
	"page":    "margin:0;padding:0;background:#eef1f4;",
	"card":    "width:100%;max-width:640px;background:#ffffff;border:1px solid #dfe4ea;border-radius:10px;",
	"pad":     "padding:28px 32px 8px;",
	"foot":    "padding:24px 32px 28px;color:#66707d;font:12px/18px " + sans,
	"hidden":  "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;color:#eef1f4;",
	"kicker":  "letter-spacing:0.6px;color:#66707d;font:12px/16px " + sans,
	"title":   "margin:6px 0 0;color:#17202b;font:600 22px/30px " + sans,
	"h2":      "margin:0 0 10px;padding:16px 0 0;border-top:1px solid #e3e7ec;color:#17202b;font:600 17px/25px " + sans,
	"h3":      "margin:0 0 6px;color:#17202b;font:600 14px/21px " + sans,
	"p":       "margin:0 0 12px;color:#2a3440;font:14px/21px " + sans,
	"small":   "margin:4px 0 10px;color:#66707d;font:12px/18px " + sans,
	"table":   "width:100%;border-collapse:collapse;",
	"th":      "padding:0 8px 6px 0;color:#66707d;text-align:left;border-bottom:1px solid #cfd6de;font:600 11px/16px " + sans,
	"thr":     "padding:0 0 6px 8px;color:#66707d;text-align:right;border-bottom:1px solid #cfd6de;font:600 11px/16px " + sans,
	"td":      "padding:7px 8px 7px 0;color:#2a3440;vertical-align:top;border-bottom:1px solid #edf0f3;word-break:break-word;font:13px/19px " + sans,
	"tdr":     "padding:7px 0 7px 8px;color:#2a3440;text-align:right;vertical-align:top;border-bottom:1px solid #edf0f3;white-space:nowrap;font:13px/19px " + sans,
	"mute":    "color:#66707d;",
	"strong":  "color:#17202b;font-weight:600;",
	"code":    "margin:0 0 12px;padding:10px 12px;background:#f4f6f8;border:1px solid #e3e7ec;border-radius:6px;color:#17202b;word-break:break-word;white-space:pre-wrap;font:12px/18px " + mono,
	"mono":    "color:#17202b;word-break:break-word;font:12px/18px " + mono,
	"banner":  "padding:12px 16px;background:#fdf4e3;border:1px solid #f0d9a8;border-radius:6px;color:#5b4210;font:13px/20px " + sans,
	"link":    "color:#1f5fa8;text-decoration:underline;",
	"picture": "display:block;width:100%;max-width:574px;height:auto;border:0;border-radius:6px;",
	"score":   "letter-spacing:-2px;color:#17202b;vertical-align:middle;padding:0 16px 0 0;white-space:nowrap;font:600 64px/68px " + sans,
	"beside":  "color:#2a3440;vertical-align:middle;font:14px/21px " + sans,
	"tile":    "padding:12px 8px 12px 0;border-top:1px solid #e3e7ec;border-bottom:1px solid #e3e7ec;vertical-align:top;font:11px/16px " + sans,
	"count":   "font-size:26px;line-height:32px;font-weight:600;",
	"label":   "font-size:11px;line-height:16px;letter-spacing:0.3px;color:#66707d;",
	"zero":    "color:#b3bcc6;",
	"note":    "font-size:12px;line-height:18px;color:#66707d;",
	"item":    "margin:0 0 8px;color:#2a3440;word-break:break-word;font:13px/20px " + sans,
	"chip":    "color:#ffffff;padding:2px 8px;border-radius:10px;font-size:11px;line-height:16px;font-weight:600;white-space:nowrap;",
	"gap":     "font-size:20px;line-height:20px;",
}

const (
	sans = "Segoe UI,Helvetica,Arial,sans-serif;"
	mono = "Menlo,Consolas,monospace;"
)

// Colours of severities, dark enough for white letters on them, and light enough to stand on black.
var Colours = map[posture.Severity]string{
	posture.Critical: "#b3202a", posture.High: "#c2560c", posture.Medium: "#96700a", posture.Low: "#2c69ad", posture.Info: "#66707d",
}

//go:embed layout.tmpl
var layoutText string

//go:embed notice.tmpl
var noticeTmpl string

var noticeHTML = template.Must(template.Must(Layout(nil)).Parse(noticeTmpl))

// A Frame is what stands around each mail's own content: the templates top and bottom.
type Frame struct {
	Kicker, Title string
	Preheader     string // what lists of mails show behind the subject
	Severity      posture.Severity
	Repeat        bool
	Foot          string
}

// Layout are the templates that mails share, and their functions with the given ones added.
func Layout(more template.FuncMap) (*template.Template, error) {
	funcs := template.FuncMap{
		"css":    func(name string) template.CSS { return styles[name] },
		"colour": func(s posture.Severity) template.CSS { return template.CSS("background:" + colour(s) + ";") },
		"ink":    func(s posture.Severity) template.CSS { return template.CSS("color:" + colour(s) + ";") },
		"bg":     colour,
		"clean":  alert.Escape,
		"day":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
		"minute": func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") },
		"secure": secure,
		"frame": func(kicker, title, preheader string, s posture.Severity, repeat bool, foot string) Frame {
			return Frame{kicker, title, preheader, s, repeat, foot}
		},
		"repeatText": func() string { return RepeatText },
	}
	maps.Copy(funcs, more)
	return template.New("layout").Funcs(funcs).Parse(layoutText)
}

func colour(s posture.Severity) string {
	if c, ok := Colours[s]; ok {
		return c
	}
	return Colours[posture.Info]
}

// secure lets links through that lead to where a mail may lead: https, by a host's name, without somebody's in front of it.
func secure(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}
