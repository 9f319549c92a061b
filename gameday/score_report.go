package gameday

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Word is passed or failed.
func (s Score) Word() string {
	if s.OK {
		return "passed"
	}
	return "FAILED"
}

// WriteText prints the score as a table.
func (s Score) WriteText(out io.Writer) error {
	fmt.Fprintf(out, "\n%s: %s, %d of %d\n", s.Scenario.Name, s.Word(), s.Passed, s.Measured())
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, c := range s.Checks {
		fmt.Fprintf(t, "  [%s]\t%s\t%s\t%s\n", c.box(), c.Name, c.span(), c.Says)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

func (c Check) box() string {
	switch {
	case c.OK:
		return "x"
	case c.Open:
		return "-"
	}
	return " "
}

func (c Check) span() string {
	switch {
	case c.Took == 0 && c.Limit == 0:
		return ""
	case c.Took == 0 && !c.OK:
		return "limit " + c.Limit.String()
	case c.Limit == 0:
		return seconds(c.Took.Std())
	}
	return fmt.Sprintf("%s of %s", seconds(c.Took.Std()), c.Limit)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// Markdown is the report as Markdown, without the picture.
func (s Score) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Game day: %s %s\n\n%s\n\n", s.Scenario.Name, s.Word(), s.Scenario.Says)
	fmt.Fprintf(&out, "Played %s, %d of %d.\n\n| | check | took | limit | |\n|---|---|---|---|---|\n", s.At.UTC().Format(time.RFC3339), s.Passed, s.Measured())
	for _, c := range s.Checks {
		took, limit := "", ""
		if c.Took > 0 {
			took = seconds(c.Took.Std())
		}
		if c.Limit > 0 {
			limit = c.Limit.String()
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", c.box(), c.Name, took, limit, strings.ReplaceAll(c.Says, "|", `\|`))
	}
	fmt.Fprintf(&out, "\n## What was broken\n\n")
	for _, b := range s.Scenario.Break {
		fmt.Fprintf(&out, "- after %s: %s\n", b.After, strings.TrimPrefix(b.String(), "break: "))
	}
	if i := s.Incident; i != nil {
		fmt.Fprintf(&out, "\n## What was done about it\n\nIncident %s, release %s.\n\n| after | | |\n|---|---|---|\n", i.ID, i.Release)
		for _, r := range i.Timeline {
			fmt.Fprintf(&out, "| %s | %s | %s |\n", seconds(r.At.Sub(s.Broke)), r.Kind, strings.ReplaceAll(r.Text, "|", `\|`))
		}
	}
	return out.Bytes()
}

const sheet = `body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}
.ok{color:#176f2c}.bad{color:#b3261e;font-weight:bold}svg{max-width:100%;height:auto}`

// HTML is the report as one page that needs nothing else, with the picture.
func (s Score) HTML() []byte {
	var out bytes.Buffer
	e := html.EscapeString
	class := map[bool]string{true: "ok", false: "bad"}
	fmt.Fprintf(&out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Game day: %s</title><style>%s</style></head><body>\n", e(s.Scenario.Name), sheet)
	fmt.Fprintf(&out, "<h1>Game day: %s <span class=\"%s\">%s</span></h1>\n<p>%s</p>\n<p>Played %s, %d of %d.</p>\n", e(s.Scenario.Name), class[s.OK], s.Word(), e(s.Scenario.Says), s.At.UTC().Format(time.RFC3339), s.Passed, s.Measured())
	s.Draw(&out)
	fmt.Fprint(&out, "<h2>Score</h2>\n<table><tr><th></th><th>check</th><th>took, limit</th><th></th></tr>\n")
	sign := map[string]string{"x": "✓", " ": "✗", "-": "–"}
	for _, c := range s.Checks {
		fmt.Fprintf(&out, "<tr><td class=\"%s\">%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", class[c.OK || c.Open], sign[c.box()], e(c.Name), e(c.span()), e(c.Says))
	}
	fmt.Fprint(&out, "</table>\n<h2>What was broken</h2>\n<ul>\n")
	for _, b := range s.Scenario.Break {
		fmt.Fprintf(&out, "<li>after %s: %s</li>\n", b.After, e(strings.TrimPrefix(b.String(), "break: ")))
	}
	fmt.Fprint(&out, "</ul>\n")
	if i := s.Incident; i != nil {
		fmt.Fprintf(&out, "<h2>What was done about it</h2>\n<p>Incident %s, release %s.</p>\n<table>\n", e(i.ID), e(i.Release))
		for _, r := range i.Timeline {
			fmt.Fprintf(&out, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", seconds(r.At.Sub(s.Broke)), e(r.Kind), e(r.Text))
		}
		fmt.Fprint(&out, "</table>\n")
	}
	fmt.Fprint(&out, "</body></html>\n")
	return out.Bytes()
}
