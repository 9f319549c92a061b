package gameday

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"
	texttemplate "text/template"
	"time"

	"github.com/autorollback/autorollback/chart"
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
		fmt.Fprintf(t, "  [%s]\t%s\t%s\t%s\n", c.Box(), c.Name, c.Span(), c.Says)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

// Box is what stands in the check's box: x, - if nobody could measure it, or nothing.
func (c Check) Box() string {
	switch {
	case c.OK:
		return "x"
	case c.Open:
		return "-"
	}
	return " "
}

// Span is how long it took, of what limit.
func (c Check) Span() string {
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

var (
	//go:embed report.md.tmpl
	markdownReport string
	//go:embed report.html.tmpl
	htmlReport string

	// reportFuncs write what the reports show.
	reportFuncs = map[string]any{
		"cell":    func(text string) string { return strings.ReplaceAll(text, "|", `\|`) },
		"date":    func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"seconds": seconds,
		"style":   func() template.CSS { return chart.Style },
		"since":   func(at, began time.Time) string { return seconds(at.Sub(began)) },
	}
)

// Markdown is the report as Markdown, without the picture.
func (s Score) Markdown() []byte {
	return rendered(texttemplate.Must(texttemplate.New("report").Funcs(reportFuncs).Parse(markdownReport)), s)
}

// HTML is the report as one page that needs nothing else, with the picture.
func (s Score) HTML() []byte {
	return rendered(template.Must(template.New("report").Funcs(reportFuncs).Parse(htmlReport)), s)
}

// rendered fills a template of ours, every field of which exists: a test renders them.
func rendered(t interface{ Execute(io.Writer, any) error }, s Score) []byte {
	var out bytes.Buffer
	if err := t.Execute(&out, s); err != nil {
		return []byte(err.Error())
	}
	return out.Bytes()
}
