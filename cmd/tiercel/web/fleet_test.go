package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/internal/posture"
)

// mails stands for what has been sent; markup in it is not the page's.
var mails = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<p>the mail at %s</p>", r.URL.Path)
})

var fleetBegan = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)

// fleet is how clusters are at a run: what is open in it is given by its check.
func fleet(run int, open ...string) board.Fleet {
	shop := posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}
	now := fleetBegan.Add(time.Duration(run) * 24 * time.Hour)
	f := board.Fleet{
		Now: now, Sample: true, Run: now.Format(time.RFC3339), Checks: map[string]posture.Check{},
		Mails:     []board.Mail{{Number: 1, Time: now.Format(time.RFC3339), Subject: "[GKE hardening] score 61 <b>", To: "sec@example.com"}},
		Rotations: []posture.Rotation{{Resource: shop, State: []string{"IDLE", "DUE", "APPROVED", "STARTING"}[run], Since: now, Next: "ana@example.com approves the start"}},
		Upgrades:  []posture.Upgrade{{Resource: shop, Control: posture.Versions{MinorTarget: "1.34.1-gke.1"}}},
	}
	c := posture.Cluster{
		Resource: shop, Version: "1.33.4-gke.1", CA: &posture.CA{NotAfter: now.Add(40 * 24 * time.Hour)},
		Network: &posture.Network{Pods: 40, Covered: 30},
	}
	for i, title := range []string{"Control plane is not for everybody", "Nodes upgrade themselves", "No legacy authorization"} {
		id := fmt.Sprintf("CHECK-%d", i)
		severity := []posture.Severity{posture.Critical, posture.High, posture.Low}[i]
		f.Checks[id] = posture.Check{ID: id, Title: title, Why: "Since <i>everybody</i> could.", Severity: severity}
		r := posture.Result{
			ID: posture.ID(id, shop), Check: id, Resource: shop, Verdict: posture.Pass,
		}
		if strings.Contains(strings.Join(open, " "), id) {
			r.Verdict, r.Severity = posture.Fail, severity
			r.Evidence = []posture.Evidence{{Path: "cluster.x", Value: "true"}}
			r.Fix = &posture.Fix{Commands: []string{"gcloud container clusters update 'shop' --no-x"}, Disruption: "none"}
		}
		c.Results = append(c.Results, r)
	}
	f.Clusters = []posture.Cluster{c}
	return f
}

// A person sees the score, what came and what was fixed, a rotation go on, and the mail.
func TestClusters(t *testing.T) {
	v := open(t, desk, plain)
	if v.text(`document.getElementById("tab-clusters").hidden`) != "true" {
		t.Error("a tab for clusters, and none is known")
	}
	v.board.Fleet(fleet(0, "CHECK-0", "CHECK-2"))
	v.until(`!document.getElementById("tab-clusters").hidden`)
	v.press("6")
	v.until(`document.querySelector(".score strong")?.textContent === "32" && ` + rowCount + ` === 2`)
	v.board.Fleet(fleet(1, "CHECK-1", "CHECK-2"))
	v.until(rowCount + ` === 3`)
	for _, want := range []string{"+33 since the run before", "NEW", "FIXED", "1.34.1-gke.1", "75 %", "IDLE", "DUE", "ana@example.com"} {
		if got := v.text(`document.getElementById("rows").textContent`); !strings.Contains(got, want) {
			t.Errorf("the view lacks %q: %s", want, got)
		}
	}
	v.text(`document.querySelector("#rows .row").click()`)
	v.until(`!document.getElementById("detail").hidden && document.getElementById("detail").textContent.includes("<i>everybody</i>")`)
	v.until(`document.getElementById("detail").textContent.includes("gcloud container clusters update 'shop' --no-x")`)
	v.press("7")
	v.until(rowCount + ` === 1 && document.querySelector(".row")?.textContent.includes("score 61 <b>")`)
	v.text(`document.querySelector("#rows .row").click()`)
	v.until(`document.querySelector("#detail iframe")?.getAttribute("sandbox") === "" && document.querySelector("#detail iframe").src.endsWith("/mail/1/html")`)
}

// The frame of a mail is not kept away by the page's own policy.
func TestMailIsFramed(t *testing.T) {
	v := open(t, desk, plain)
	v.board.Fleet(fleet(0))
	v.until(`!document.getElementById("tab-mails").hidden`)
	v.press("7")
	v.until(rowCount + ` === 1`)
	v.text(`(document.addEventListener("load", (e) => { if (e.target.tagName === "IFRAME") window.loaded = true; }, true),
		document.addEventListener("securitypolicyviolation", (e) => { window.violation = e.violatedDirective; }))`)
	v.text(`document.querySelector("#rows .row").click()`)
	v.until(`window.loaded || window.violation`)
	if got := v.text(`window.violation`); got != "undefined" {
		t.Errorf("the policy forbids %s", got)
	}
}

// hostileFleet has texts that whoever names clusters and objects can choose.
func hostileFleet() board.Fleet {
	f := fleet(1, "CHECK-0")
	c := &f.Clusters[0]
	for i, text := range hostile {
		r := c.Results[0]
		r.ID = fmt.Sprint(i)
		r.Resource.Name, r.Resource.Kind, r.Reason, r.Evidence = text, "Pod", text, []posture.Evidence{{Path: text, Value: text}}
		c.Results = append(c.Results, r)
	}
	c.Resource.Cluster, c.Version = hostile[3], hostile[2]+markup
	f.Mails[0].Subject, f.Mails[0].To = markup+hostile[1], hostile[3]
	f.Rotations[0].Reason, f.Rotations[0].Next, f.Rotations[0].Resource.Cluster = markup, hostile[3], markup
	return f
}
