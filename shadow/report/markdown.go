package report

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
)

// Markdown returns the report as a page for a ticket or a pull request. Whatever comes
// from recordings or answers is escaped.
func Markdown(of *diff.Report) []byte {
	r := page{of}
	var m report.Doc
	m.Line("# Shadow report: %s", r.Service)
	m.Line("")
	m.Line("**%s** by the rule %s: %s", strings.ToUpper(string(r.Verdict)), r.Rule, r.Reason)
	if r.Verdict == shadow.Inconclusive {
		m.Line("")
		m.Line("Inconclusive blocks as well: no data is neither good nor bad.")
	}
	for _, s := range r.sections() {
		m.Head(s.Title)
		if s.Text != "" {
			m.Line("%s", s.Text)
			m.Line("")
		}
		m.Table(s.Head, s.Rows)
		if s.More > 0 {
			m.Line("")
			m.Line("%s more are left out; the JSON report has them.", fmt.Sprint(s.More))
		}
	}
	for _, l := range r.lists() {
		m.List(l.Title, l.Lines)
	}
	return m.Bytes()
}
