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
	m.Line("**%s.** %s", upper(p.Badge), fullStop(p.Headline))
	if p.Lede != "" {
		m.Line("")
		m.Line("%s", p.Lede)
	}
	m.List("Do now", p.Now)
	m.Head("Times")
	for _, t := range p.Tiles {
		m.Line("- %s: **%s**, %s", t.Name, t.Value, t.Note)
	}
	if p.Missing != "" {
		m.Line("")
		m.Line("%s", p.Missing)
	}
	if len(p.Impact) > 0 {
		m.Head(p.ImpactTitle)
		m.facts(p.Impact)
	}
	for _, s := range p.Sections {
		m.section(s)
	}
	if len(p.Charts) > 0 {
		m.Head("Charts in words")
	}
	for _, c := range p.Charts {
		m.Line("- **%s.** %s", c.Title, c.Words)
	}
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

// fullStop ends a sentence that has no end of its own.
func fullStop(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return endSentence(text)
}

// section writes one part of the page; an empty line is between what it has.
func (m *Doc) section(s section) {
	m.Head(s.Title)
	start := m.Len()
	next := func() {
		if m.Len() > start {
			m.Line("")
		}
		start = m.Len()
	}
	if s.Text != "" {
		m.Line("%s", s.Text)
	}
	if len(s.Facts) > 0 {
		next()
		m.facts(s.Facts)
	}
	if len(s.Items) > 0 {
		next()
		m.items(s.Items, s.Boxes)
	}
	if s.Table != nil && len(s.Table.Rows) > 0 {
		next()
		m.table(*s.Table)
	}
	for _, l := range s.Links {
		m.Line("- [%s]("+target(l.URL)+")", l.Text)
	}
	m.blocks(s.Blocks)
	if s.Small != "" {
		next()
		m.Line("%s", s.Small)
	}
}

func (m *Doc) items(items []string, boxes bool) {
	for _, item := range items {
		if boxes {
			m.Line("- [ ] %s", item)
		} else {
			m.Line("- %s", item)
		}
	}
}

func (m *Doc) facts(facts []fact) {
	m.Line("| | |")
	m.Line("|---|---|")
	for _, f := range facts {
		m.Line("| %s | %s |", f.Name, f.Value)
	}
}

func (m *Doc) table(t table) {
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

func (m *Doc) blocks(all []query) {
	for i, q := range all {
		if i > 0 {
			m.Line("")
		}
		m.Line("%s, asked at %s:", q.Name, q.At)
		m.fence(q.Language, q.Expr)
		m.fence("json", quoteTags.Replace(q.Answer))
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
