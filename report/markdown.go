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
	var m md
	m.line("# %s", p.Title)
	m.line("")
	m.line("**%s.** %s", upper(p.Status), p.Lede)
	m.list("Do now", p.Choices)
	m.picture(p.Picture)
	m.facts("What happened", p.Facts)
	m.verdicts(p.Verdicts)
	m.facts("Values", p.Values)
	m.list("Why", p.Reasons)
	m.change(p.Change)
	m.head("Versions")
	m.table(p.Sides)
	m.head("Timeline")
	m.table(p.Timeline)
	m.head("Sources")
	m.table(p.Sources)
	m.facts("Evidence", p.Evidence)
	m.followUp(p.FollowUp)
	m.links(p.Links)
	m.queries(p.Queries, p.MoreQueries)
	if p.Made != "" {
		m.line("")
		m.line("Made by autorollback at %s.", p.Made)
	}
	return m.Bytes()
}

// md writes Markdown. Every argument of line is escaped, so that forgetting it is
// not possible; only formats are markup.
type md struct{ bytes.Buffer }

func (m *md) line(format string, args ...string) {
	escaped := make([]any, len(args))
	for i, a := range args {
		escaped[i] = escapeMarkdown(a)
	}
	if begins := strings.HasPrefix(format, "%s") || strings.HasPrefix(format, "- "); begins && len(args) > 0 {
		escaped[0] = escapeStart(escapeMarkdown(args[0]))
	}
	fmt.Fprintf(m, format+"\n", escaped...)
}

func (m *md) head(title string) {
	m.line("")
	m.line("## %s", title)
	m.line("")
}

func (m *md) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	m.head(title)
	for _, item := range items {
		m.line("- %s", item)
	}
}

func (m *md) facts(title string, facts []fact) {
	if len(facts) == 0 {
		return
	}
	m.head(title)
	m.line("| | |")
	m.line("|---|---|")
	for _, f := range facts {
		m.line("| %s | %s |", f.Name, f.Value)
	}
}

func (m *md) table(t table) {
	if len(t.Rows) == 0 {
		m.line("None.")
		return
	}
	m.line("|"+strings.Repeat(" %s |", len(t.Head)), t.Head...)
	m.line("|" + strings.Repeat("---|", len(t.Head)))
	for _, row := range t.Rows {
		m.line("|"+strings.Repeat(" %s |", len(row)), row...)
	}
	if t.More > 0 {
		m.line("")
		m.line("%s more are left out.", runbook.Figure(float64(t.More)))
	}
}

func (m *md) picture(p picture) {
	var steps []string
	for _, s := range p.Stations {
		steps = append(steps, s.Name+" "+s.Offset)
	}
	m.line("")
	m.line("%s", strings.Join(steps, " → "))
}

func (m *md) change(c *change) {
	if c == nil {
		return
	}
	m.head("The change")
	m.line("Weights: %s → %s", c.From, c.To)
	m.line("")
	m.table(c.Keys)
	m.line("")
	m.line("Digest: %s", c.Digest)
}

func (m *md) verdicts(all []verdict) {
	for _, v := range all {
		m.head(v.Name)
		m.line("**%s** at %s. %s", upper(v.Outcome), v.When, v.Reason)
		m.line("")
		m.table(v.Answers)
	}
}

func (m *md) followUp(f followUp) {
	m.head("Follow-up (draft)")
	m.line("Owner: %s. Due: %s.", f.Owner, f.Due)
	if f.Tracker != "" {
		m.line("")
		m.line("Tracker: %s", f.Tracker)
	}
	m.line("")
	for _, a := range f.Actions {
		m.line("- [ ] %s", a)
	}
}

func (m *md) links(links []link) {
	if len(links) == 0 {
		return
	}
	m.head("Links")
	for _, l := range links {
		m.line("- [%s]("+target(l.URL)+")", l.Text)
	}
}

func (m *md) queries(all []query, more int) {
	if len(all) == 0 {
		return
	}
	m.head("Queries")
	for i, q := range all {
		if i > 0 {
			m.line("")
		}
		m.line("%s, asked at %s:", q.Name, q.At)
		m.fence("promql", q.Expr)
		m.fence("json", quoteTags.Replace(q.Answer))
	}
	if more > 0 {
		m.line("")
		m.line("%s more are in the evidence folder.", runbook.Figure(float64(more)))
	}
}

// quoteTags writes what could be a tag or a mention as JSON may write it, for readers
// that look into code blocks. The query itself stays as it can be asked.
var quoteTags = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`)

// fence writes a code block whose fence is longer than any run of backticks in it.
func (m *md) fence(language, text string) {
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
