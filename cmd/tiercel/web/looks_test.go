package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"google.golang.org/protobuf/types/known/structpb"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

const markup = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script><b>`

// hostile are texts that a program may choose: markup, what moves a terminal's cursor, what turns text round, and much of it.
var hostile = []string{
	markup, "\x1b]0;title\a\x1b[2J", "\u202egnp.exe\u2066", strings.Repeat("x", 4096), strings.Repeat("a\u0301", 200), "\x00\xff\n\r\t", "';alert(1)//", "{{x}}",
}

// hostileAlert has such a text in every string of the message that a program can choose.
func hostileAlert(id, text string) *alert.Alert {
	a := read(id, "/"+text, alert.High)
	a.Output, a.Rule.Title, a.Rule.Name, a.Rule.Description = text, text, text, text
	a.Process.Name, a.Process.CommandLine, a.Process.UserName, a.Process.Cwd = text, text, text, text
	a.Ancestors[0].CommandLine, a.Ancestors[0].ExePath = text, text
	a.Container = &alert.Container{Id: text, Name: text, ImageRepository: text, Labels: []*alert.Label{{Key: text, Value: text}}}
	a.Pod = &alert.Pod{Namespace: text, Name: text, WorkloadKind: text, WorkloadName: text}
	a.Node.Name, a.Fields[0].Name = text, text
	a.Enrichment = &alert.Enrichment{NextSteps: text, Links: []*alert.Link{{Title: text, Url: "javascript:" + text}}}
	alert.Fit(a)
	return a
}

// What a program chose to be called is text on the page, and does not move anything in it.
func TestHostileText(t *testing.T) {
	for _, s := range []screen{desk, {width: 320, height: 600}} {
		v := open(t, s, plain)
		for i, text := range hostile {
			v.board.Alert(hostileAlert(fmt.Sprint("a", i), text))
		}
		f := shadowFinding(1)
		f.Category, f.SourceProperties["node"] = markup+hostile[1], structpb.NewStringValue(hostile[3])
		v.board.Finding(f, time.Now())
		v.board.Tick(time.Now(), &alert.Heartbeat{RulesError: markup, Outputs: []*alert.Output{{Name: markup, LastError: hostile[3]}}},
			board.Cloud{Asides: []board.Aside{{Topic: "quarantine", Reason: markup, Subscription: hostile[3], Data: hostile[2] + markup}}})
		v.board.Fleet(hostileFleet())
		v.until(fmt.Sprintf("%s === %d", rowCount, len(hostile)))
		v.harmless("alerts")
		for i := range hostile {
			v.do(chromedp.Navigate(fmt.Sprintf("%s#alert/a%d", v.address, i)))
			v.until(fmt.Sprintf(`!document.getElementById("detail").hidden && document.querySelector("#detail .json pre").textContent.includes('"a%d"')`, i))
			v.text(`document.querySelector("#detail details").open = true`)
			v.harmless(fmt.Sprint("alert ", i))
		}
		for _, view := range []string{"findings", "rules", "health", "asides", "clusters", "mails"} {
			v.do(chromedp.Navigate(v.address + "#" + view))
			v.until(fmt.Sprintf(`document.getElementById("tab-%s").getAttribute("aria-selected") === "true" && document.getElementById("detail").hidden`, view))
			v.harmless(view)
		}
	}
}

// harmless looks for what hostile text might have done.
func (v *visit) harmless(where string) {
	v.t.Helper()
	if got := v.text(`typeof window.hurt + document.querySelectorAll("#main img, #main script, #main b, #main a").length`); got != "undefined0" {
		v.t.Errorf("%s: text became markup: %s", where, got)
	}
	if got := v.text(`(document.body.innerText.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g) ?? []).length`); got != "0" {
		v.t.Errorf("%s: %s characters that act", where, got)
	}
	v.fits(where)
}

// fits wants nothing to stand out at the side.
func (v *visit) fits(where string) {
	v.t.Helper()
	if got := v.text(`document.documentElement.scrollWidth <= innerWidth`); got != "true" {
		v.t.Errorf("%s: scrolls sideways: %s", where, v.text(`[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("[role=tablist]"))
			.slice(0, 5).map((e) => e.tagName + "." + e.className + "#" + e.id + " " + e.getBoundingClientRect().right).join(", ")`))
	}
}

// On a phone everything is within its width, and the detail takes the list's place.
func TestPhone(t *testing.T) {
	for _, width := range []int64{320, 360} {
		v := open(t, screen{width: width, height: 640}, plain)
		a := read("a1", "/etc/shadow", alert.Critical)
		a.Connection = &alert.Connection{Protocol: "tcp", RemoteIp: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", RemotePort: 65535, Role: alert.Alert_Connection_CLIENT}
		v.board.Alert(a)
		v.board.Tick(time.Now(), &alert.Heartbeat{Events: []*alert.Count{{Kind: "openat", Count: 123456789}}, Drops: []*alert.Drop{{Reason: "ring_full", Kind: "openat", Count: 1 << 50}}}, board.Cloud{Memory: 1 << 30})
		v.until(rowCount + " === 1")
		v.board.Fleet(hostileFleet())
		v.until(`!document.getElementById("tab-clusters").hidden`)
		v.fits("alerts")
		v.do(chromedp.Click(".row"))
		v.until(`!document.getElementById("detail").hidden && document.getElementById("list").offsetParent === null`)
		v.fits("detail")
		v.do(chromedp.Click("#close"))
		v.until(`document.getElementById("list").offsetParent !== null`)
		for _, view := range []string{"findings", "rules", "health", "asides", "clusters", "mails"} {
			v.do(chromedp.Click("#tab-" + view))
			v.until(fmt.Sprintf(`document.getElementById("tab-%s").getAttribute("aria-selected") === "true"`, view))
			v.fits(view)
		}
	}
}

// contrasts measures text against what it stands on, by the rule of WCAG 2.2 (1.4.3), over every text of the page. Colours that
// are seen through are drawn on a canvas to know what comes of them.
const contrasts = `(() => {
	const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const over = (colours) => { pen.clearRect(0, 0, 1, 1); for (const c of colours) { pen.fillStyle = c; pen.fillRect(0, 0, 1, 1); } return [...pen.getImageData(0, 0, 1, 1).data]; };
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const poor = [];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
		if (!own || !e.checkVisibility() || e.closest("svg, noscript, .skip, option")) continue;
		const under = [];
		for (let p = e; p; p = p.parentElement) under.unshift(getComputedStyle(p).backgroundColor);
		const back = over(["white", ...under]), front = over(["white", ...under, getComputedStyle(e).color]);
		const [hi, lo] = [light(back), light(front)].sort((a, b) => b - a), ratio = (hi + 0.05) / (lo + 0.05);
		if (ratio < 4.5) poor.push(e.tagName + "." + e.className + " " + ratio.toFixed(2));
	}
	return poor.join(", ");
})()`

// Light and dark follow the reader's setting, and both can be read.
func TestLightAndDark(t *testing.T) {
	seen := map[string]bool{}
	for _, dark := range []bool{false, true} {
		v := open(t, screen{width: 1280, height: 900, dark: dark}, plain)
		for i, severity := range []alert.Severity{alert.Low, alert.Medium, alert.High, alert.Critical} {
			v.board.Alert(read(fmt.Sprint("a", i), "/etc/shadow", severity))
		}
		v.board.Finding(shadowFinding(2), time.Now())
		v.until(rowCount + " === 4")
		v.do(chromedp.Click(".row"))
		v.until(`!document.getElementById("detail").hidden`)
		if got := v.text(contrasts); got != "" {
			t.Errorf("dark %v: hard to read: %s", dark, got)
		}
		v.press("2")
		v.until(`document.getElementById("detail").hidden && document.querySelector(".row .ACTIVE")`)
		if got := v.text(contrasts); got != "" {
			t.Errorf("dark %v, findings: hard to read: %s", dark, got)
		}
		seen[v.text(`getComputedStyle(document.documentElement).backgroundColor`)] = true
	}
	if len(seen) != 2 {
		t.Errorf("one background for both: %v", seen)
	}
}
