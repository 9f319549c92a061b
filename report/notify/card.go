package notify

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// A card is a message as chats and mail show it. All of it is text: none of it is markup.
type card struct {
	Thread string   // the same for all messages of an incident: what chats are read by
	Title  string   // one line
	Lines  []string // what happened, and what to do
	Links  []anchor
	Foot   string // when it was written, and the journal's head
	Page   bool
}

// An anchor is an address with the words that lead to it, both our own.
type anchor struct{ Label, URL string }

// Pages finds what a message is about: the address of the page, or "" if there is none.
type Pages func(m record.Message) string

func cardOf(m record.Message, approval string, pages Pages) card {
	c := card{Thread: threadLine(m), Title: oneLine(m.Title), Foot: report.Clock(m.CreatedAt), Page: m.Page}
	for line := range strings.SplitSeq(m.Text, "\n") {
		if line = oneLine(line); line != "" {
			c.Lines = append(c.Lines, line)
		}
	}
	if approval != "" {
		c.Links = append(c.Links, anchor{"Approve or reject", approval})
	}
	if pages != nil && pages(m) != "" {
		c.Links = append(c.Links, about(m, pages(m))...)
	}
	if m.Anchor.Lines > 0 {
		c.Foot += ", journal " + m.Anchor.String()
	}
	return c
}

// about leads to the page of what a message is about, and where that has charts to them as well.
func about(m record.Message, page string) []anchor {
	if m.Incident == "" {
		return []anchor{{"Release", page}}
	}
	return []anchor{{"Incident", page}, {"Charts", page + report.ChartsAnchor}}
}

// threadLine names what a message belongs to.
func threadLine(m record.Message) string {
	line := oneLine(cmp.Or(m.Service, "autorollback"))
	if m.Region != "" && m.Region != "default" {
		line += " (" + oneLine(m.Region) + ")"
	}
	if m.Incident != "" {
		line += ", incident " + oneLine(m.Incident)
	}
	return line
}

// oneLine is a text without anything that ends a line or does not print.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(printed, text)), " ")
}

func printed(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
		return ' '
	}
	return r
}

// clip is as much of a text as fits once escape made its characters longer, with "…" where it is cut.
func clip(text string, most int, escape func(rune) string) string {
	var b strings.Builder
	n, begun := 0, 0 // begun bytes leave room for the "…"
	for _, r := range text {
		e := escape(r)
		if n += utf8.RuneCountInString(e); n > most {
			return b.String()[:begun] + "…"
		}
		if b.WriteString(e); n < most {
			begun = b.Len()
		}
	}
	return b.String()
}
