// Package report writes a comparison's report as an HTML page with pictures and as
// Markdown.
//
// It never decides: verdict and numbers are package diff's. Nothing of a recording
// becomes markup.
package report

import (
	"bytes"
	_ "embed" // the page's template and style
	"fmt"
	"html/template"
	"slices"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/shadow/diff"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

type list struct {
	Title string
	Lines []string
}

func (r page) lists() []list {
	bad := slices.Concat(r.Counts.Run.FirstBad, r.Counts.Bad.First)
	return []list{{"Notes", r.Notes}, {"Method", r.Method.Text}, {"First records that could not be read", bad}}
}

// A page is a report with what its pages show of it.
type page struct{ *diff.Report }

// HTML returns the report as one file with its pictures: inline style, no script,
// nothing fetched. Whatever comes from recordings or answers is escaped.
func HTML(of *diff.Report) ([]byte, error) {
	r := page{of}
	style := pageStyle + chart.Style
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	var out bytes.Buffer
	err = tmpl.Execute(&out, struct {
		Report   *diff.Report
		Style    template.CSS
		Policy   string
		Mismatch *chart.Rows
		Heats    []heatmap
		Lags     *chart.Rows
		Sections []section
		Lists    []list
	}{
		of, template.CSS(style), report.PagePolicy(style),
		r.mismatches(), r.heatmaps(), r.latencies(), r.sections(),
		r.lists(),
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}
