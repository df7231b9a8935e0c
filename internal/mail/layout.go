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
	"pad":     "padding:28px 32px 8px 32px;",
	"foot":    font + "padding:24px 32px 28px 32px;font-size:12px;line-height:18px;color:#66707d;",
	"hidden":  "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;color:#eef1f4;",
	"kicker":  font + "font-size:12px;line-height:16px;letter-spacing:0.6px;color:#66707d;",
	"title":   font + "margin:6px 0 0 0;font-size:22px;line-height:30px;font-weight:600;color:#17202b;",
	"h2":      font + "margin:0 0 10px 0;padding:14px 0 0 0;border-top:1px solid #e3e7ec;font-size:16px;line-height:24px;font-weight:600;color:#17202b;",
	"h3":      font + "margin:0 0 6px 0;font-size:14px;line-height:21px;font-weight:600;color:#17202b;",
	"p":       font + "margin:0 0 12px 0;font-size:14px;line-height:21px;color:#2a3440;",
	"small":   font + "margin:0 0 8px 0;font-size:12px;line-height:18px;color:#66707d;",
	"table":   "width:100%;border-collapse:collapse;",
	"th":      font + "padding:0 8px 6px 0;font-size:11px;line-height:16px;font-weight:600;letter-spacing:0.3px;color:#66707d;text-align:left;vertical-align:bottom;border-bottom:1px solid #cfd6de;",
	"thr":     font + "padding:0 0 6px 8px;font-size:11px;line-height:16px;font-weight:600;letter-spacing:0.3px;color:#66707d;text-align:right;vertical-align:bottom;border-bottom:1px solid #cfd6de;",
	"td":      font + "padding:7px 8px 7px 0;font-size:13px;line-height:19px;color:#2a3440;vertical-align:top;border-bottom:1px solid #edf0f3;word-break:break-word;",
	"tdr":     font + "padding:7px 0 7px 8px;font-size:13px;line-height:19px;color:#2a3440;text-align:right;vertical-align:top;border-bottom:1px solid #edf0f3;white-space:nowrap;",
	"mute":    "color:#66707d;",
	"strong":  "color:#17202b;font-weight:600;",
	"code":    mono + "margin:0 0 12px 0;padding:10px 12px;background:#f4f6f8;border:1px solid #e3e7ec;border-radius:6px;font-size:12px;line-height:18px;color:#17202b;word-break:break-word;white-space:pre-wrap;",
	"mono":    mono + "font-size:12px;color:#17202b;word-break:break-word;",
	"banner":  font + "padding:12px 16px;background:#fdf4e3;border:1px solid #f0d9a8;border-radius:6px;font-size:13px;line-height:20px;color:#5b4210;",
	"link":    "color:#1f5fa8;text-decoration:underline;",
	"picture": "display:block;width:100%;max-width:574px;height:auto;border:0;border-radius:6px;",
	"score":   font + "font-size:64px;line-height:68px;font-weight:600;letter-spacing:-2px;color:#17202b;vertical-align:middle;padding:0 16px 0 0;white-space:nowrap;",
	"beside":  font + "font-size:14px;line-height:21px;color:#2a3440;vertical-align:middle;",
	"tile":    font + "padding:12px 8px 12px 0;border-top:1px solid #e3e7ec;border-bottom:1px solid #e3e7ec;vertical-align:top;",
	"count":   "font-size:26px;line-height:32px;font-weight:600;",
	"label":   "font-size:11px;line-height:16px;letter-spacing:0.3px;color:#66707d;",
	"zero":    "color:#b3bcc6;font-weight:400;",
	"note":    "font-size:12px;line-height:18px;color:#66707d;",
	"item":    font + "margin:0 0 8px 0;font-size:13px;line-height:20px;color:#2a3440;word-break:break-word;",
	"gap":     "font-size:20px;line-height:20px;",
}

const (
	font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
	mono = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;"
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
