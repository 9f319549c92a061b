package report

import (
	"cmp"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Part is a section of a review that others have found out. What it does not have is left out.
type Part struct {
	Title string
	Text  []string // paragraphs
	Head  []string // of the table
	Rows  [][]string
	Items []string
	Code  string // a block of YAML
}

// Review returns the post-incident review as Markdown, for people to complete: what is known is filled
// in, and what only people know is a question. Nothing that came from outside can start markup in it.
// rb may be nil.
func Review(inc record.Incident, rb *runbook.Runbook, parts ...Part) []byte {
	if rb == nil {
		rb = &runbook.Runbook{Service: inc.Service}
	}
	var m Doc
	m.Line("# Review: %s", place(inc)+": "+heading(inc))
	m.Line("")
	m.Line("Status: draft. Incident %s. %s", inc.ID, fullStop(owner(rb)))
	m.Head("Summary")
	m.Line("%s", fullStop(Headline(inc, rb)))
	title, losses := impact(inc)
	m.Head(title)
	m.facts(losses)
	m.Head("Root cause")
	m.Line("*To be written.* What broke in %s, and what let it pass before the release?", cmp.Or(inc.Candidate.Version, "the release"))
	m.section(section{Title: "Detection", Facts: facts(inc, rb, Options{})})
	m.section(section{Title: "Timeline", Table: timeline(inc)})
	for _, p := range parts {
		m.part(p)
	}
	m.Head("What went well, and what did not")
	m.Line("*To be written.* %s", lasted(inc)+"Where was luck involved?")
	m.Head("Actions")
	m.Line("| Action | Owner | Due |")
	m.Line("|---|---|---|")
	for _, a := range Actions(inc, rb) {
		m.Line("| %s | %s | %s |", a.Do, cmp.Or(a.Owner, "?"), a.due())
	}
	if tracker := rb.FollowUp.Tracker; tracker != "" {
		m.Line("")
		m.Line("Tracker: %s", tracker)
	}
	return m.Bytes()
}

func (m *Doc) part(p Part) {
	m.Head(p.Title)
	for n, text := range p.Text {
		if n > 0 {
			m.Line("")
		}
		m.Line("%s", text)
	}
	if len(p.Rows) > 0 {
		m.Line("")
		m.Table(p.Head, p.Rows)
	}
	if len(p.Items) > 0 {
		m.Line("")
		m.items(p.Items, false)
	}
	m.fence("yaml", p.Code)
}
