package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Markdown returns the incident's page as GitHub-flavoured Markdown. Nothing that
// came from outside can start markup, a tag, a mention or a link in it. rb may be nil.
func Markdown(inc record.Incident, rb *runbook.Runbook, opts Options) []byte {
	p := newPage(inc, rb, opts)
	var m Doc
	m.Line("# %s", p.Title)
	m.Line("")
	m.Line("**%s.** %s", upper(p.Status), p.Lede)
	m.List("Do now", p.Choices)
	m.picture(p.Picture)
	m.facts("What happened", p.Facts)
	m.verdicts(p.Verdicts)
	m.checks(p.Checks)
	m.facts("Values", p.Values)
	m.List("Why", p.Reasons)
	m.change(p.Change)
	if len(p.Regions.Rows) > 0 {
		m.Head("Regions")
		m.table(p.Regions)
	}
	m.Head("Versions")
	m.table(p.Sides)
	m.Head("Timeline")
	m.table(p.Timeline)
	m.Head("Sources")
	m.table(p.Sources)
	m.facts("Evidence", p.Evidence)
	m.followUp(p.FollowUp)
	m.links(p.Links)
	m.queries(p.Queries, p.MoreQueries)
	if p.Made != "" {
		m.Line("")
		m.Line("Made by autorollback at %s.", p.Made)
	}
	return m.Bytes()
}

// A Doc is Markdown that is written. Every argument is escaped, so that forgetting it is
// not possible; only the formats of [Doc.Line] are markup.
type Doc struct{ bytes.Buffer }

// Line writes a line.
func (m *Doc) Line(format string, args ...string) {
	escaped := make([]any, len(args))
	for i, a := range args {
		text := literal(a)
		switch {
		case strings.HasPrefix(format, "#"):
			text = escapeHeading(text)
		case strings.HasPrefix(format, "|"):
			text = escapeCell(text)
		case i == 0 && (strings.HasPrefix(format, "%s") || strings.HasPrefix(format, "- %s")):
			text = escapeStart(text)
		}
		escaped[i] = text
	}
	fmt.Fprintf(m, format+"\n", escaped...)
}

// Head begins a section.
func (m *Doc) Head(title string) {
	m.Line("")
	m.Line("## %s", title)
	m.Line("")
}

// List writes a section of bullets, if there are any.
func (m *Doc) List(title string, items []string) {
	if len(items) == 0 {
		return
	}
	m.Head(title)
	for _, item := range items {
		m.Line("- %s", item)
	}
}

func (m *Doc) facts(title string, facts []fact) {
	if len(facts) == 0 {
		return
	}
	m.Head(title)
	m.Line("| | |")
	m.Line("|---|---|")
	for _, f := range facts {
		m.Line("| %s | %s |", f.Name, f.Value)
	}
}

func (m *Doc) checks(t table) {
	if len(t.Rows) > 0 {
		m.Head("From the write to recovery")
		m.table(t)
	}
}

func (m *Doc) table(t table) {
	if len(t.Rows) == 0 {
		m.Line("None.")
		return
	}
	m.Table(t.Head, t.Rows)
	if t.More > 0 {
		m.Line("")
		m.Line("%s more are left out.", runbook.Figure(float64(t.More)))
	}
}

// Table writes rows under their heads.
func (m *Doc) Table(head []string, rows [][]string) {
	m.Line("|"+strings.Repeat(" %s |", len(head)), head...)
	m.Line("|" + strings.Repeat("---|", len(head)))
	for _, row := range rows {
		m.Line("|"+strings.Repeat(" %s |", len(row)), row...)
	}
}

func (m *Doc) picture(p picture) {
	var steps []string
	for _, s := range p.Stations {
		steps = append(steps, s.Name+" "+s.Offset)
	}
	m.Line("")
	m.Line("%s", strings.Join(steps, " → "))
}

func (m *Doc) change(c *change) {
	if c == nil {
		return
	}
	m.Head("The change")
	m.Line("Weights: %s → %s", c.From, c.To)
	m.Line("")
	m.table(c.Keys)
	m.Line("")
	m.Line("Digest: %s", c.Digest)
}

func (m *Doc) verdicts(all []verdict) {
	for _, v := range all {
		m.Head(v.Name)
		m.Line("**%s** at %s. %s", upper(v.Outcome), v.When, v.Reason)
		m.Line("")
		m.table(v.Answers)
	}
}

func (m *Doc) followUp(f followUp) {
	m.Head("Follow-up (draft)")
	m.Line("Owner: %s. Due: %s.", f.Owner, f.Due)
	if f.Tracker != "" {
		m.Line("")
		m.Line("Tracker: %s", f.Tracker)
	}
	m.Line("")
	for _, a := range f.Actions {
		m.Line("- [ ] %s", a)
	}
}

func (m *Doc) links(links []link) {
	if len(links) == 0 {
		return
	}
	m.Head("Links")
	for _, l := range links {
		m.Line("- [%s]("+target(l.URL)+")", l.Text)
	}
}

func (m *Doc) queries(all []query, more int) {
	if len(all) == 0 {
		return
	}
	m.Head("Queries")
	for i, q := range all {
		if i > 0 {
			m.Line("")
		}
		m.Line("%s, asked at %s:", q.Name, q.At)
		m.fence(q.Language, q.Expr)
		m.fence("json", quoteTags.Replace(q.Answer))
	}
	if more > 0 {
		m.Line("")
		m.Line("%s more are in the evidence folder.", runbook.Figure(float64(more)))
	}
}

// quoteTags writes what could be a tag or a mention as JSON may write it, for readers
// that look into code blocks. The query itself stays as it can be asked.
var quoteTags = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`)

// fence writes a code block whose fence is longer than any run of backticks in it.
func (m *Doc) fence(language, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	bars := strings.Repeat("`", max(3, longest+1))
	fmt.Fprintf(m, "\n%s%s\n%s\n%s\n", bars, language, strings.TrimRight(text, "\n"), bars)
}
