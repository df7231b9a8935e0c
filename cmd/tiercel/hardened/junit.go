package hardened

import (
	"encoding/xml"
	"io"

	"tiercel.dev/internal/posture"
)

// The elements are those that Jenkins, GitLab and others read: a suite for each cluster, a case for each result.
// https://github.com/testmoapp/junitxml
type (
	junit struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Suites   []suite  `xml:"testsuite"`
	}
	suite struct {
		Name      string     `xml:"name,attr"`
		Timestamp string     `xml:"timestamp,attr,omitempty"`
		Tests     int        `xml:"tests,attr"`
		Failures  int        `xml:"failures,attr"`
		Errors    int        `xml:"errors,attr"`
		Skipped   int        `xml:"skipped,attr"`
		Cases     []testcase `xml:"testcase"`
	}
	testcase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *outcome `xml:"failure"`
		Error   *outcome `xml:"error"`
		Skipped *outcome `xml:"skipped"`
	}
	outcome struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report for build servers: FAIL is a failure, UNKNOWN and what could not be read an error; what was not to be
// checked, is withheld on purpose or somebody answers for is skipped. WARN passes, as it does for the exit code.
func (r *Report) JUnit(w io.Writer) error {
	all := junit{Name: "tiercel harden"}
	for _, c := range r.Clusters {
		s := suite{Name: c.Resource.ClusterName(), Timestamp: c.Time.UTC().Format("2006-01-02T15:04:05")}
		for _, result := range c.Results {
			s.add(r.testcase(result))
		}
		s.gaps(c.Gaps)
		all.add(s)
	}
	if len(r.Gaps) > 0 {
		s := suite{Name: "clusters"}
		s.gaps(r.Gaps)
		all.add(s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) testcase(result posture.Result) testcase {
	t := testcase{Class: result.Check, Name: r.Check(result.Check).Title + " (" + result.Resource.String() + ")"}
	said := &outcome{Message: result.Reason, Text: posture.Facts(result.Evidence, "\n")}
	switch result.Verdict {
	case posture.Fail:
		said.Type = r.Severity(result).String()
		if f := result.Fix; f != nil {
			for _, line := range append(f.Commands[:len(f.Commands):len(f.Commands)], text(f)...) {
				said.Text += "\n" + line
			}
		}
		t.Failure = said
	case posture.Unknown:
		if result.Withheld {
			said.Message = string(result.Verdict) + " on purpose: " + said.Message
			t.Skipped = said
			break
		}
		said.Type = string(result.Verdict)
		t.Error = said
	case posture.NA, posture.Managed, posture.Excepted:
		said.Message = string(result.Verdict) + ": " + said.Message
		if e := result.Exception; e != nil {
			said.Message += " (" + e.Reason + "; " + e.Owner + ", until " + e.Until + ")"
		}
		t.Skipped = said
	}
	return t
}

func (s *suite) gaps(all []posture.Gap) {
	for _, g := range all {
		if g.Withheld { // the checks that need it say so
			continue
		}
		s.add(testcase{Class: "read", Name: g.Part, Error: &outcome{Type: "not read", Message: g.Call + ": " + g.Error, Text: g.Fix}})
	}
}

func (s *suite) add(t testcase) {
	s.Cases = append(s.Cases, t)
	s.Tests++
	switch {
	case t.Failure != nil:
		s.Failures++
	case t.Error != nil:
		s.Errors++
	case t.Skipped != nil:
		s.Skipped++
	}
}

func (j *junit) add(s suite) {
	j.Suites = append(j.Suites, s)
	j.Tests, j.Failures, j.Errors, j.Skipped = j.Tests+s.Tests, j.Failures+s.Failures, j.Errors+s.Errors, j.Skipped+s.Skipped
}
