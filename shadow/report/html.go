// Package report writes a comparison's report as an HTML page with pictures and as
// Markdown.
//
// It never decides: verdict and numbers are package diff's. Nothing of a recording
// becomes markup.
package report

import (
	"bytes"
	"crypto/sha256"

	"github.com/autorollback/autorollback/shadow/diff"

	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
)

// the page's template and style

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

type list struct {
	Title string
	Lines []string
}

// A page is a report with what its pages show of it.
type page struct{ *diff.Report }

// HTML returns the report as one file with its pictures: inline style, no script,
// nothing fetched. Whatever comes from recordings or answers is escaped.
func HTML(report *diff.Report) ([]byte, error) {
	r := page{report}
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	sum := sha256.Sum256([]byte(pageStyle))
	var out bytes.Buffer
	err = tmpl.Execute(&out, struct {
		Report   *diff.Report
		Style    template.CSS
		Policy   string
		Mismatch *plot
		Heats    []heatmap
		Lags     []latencyBar
		Sections []section
		Lists    []list
	}{
		report, template.CSS(pageStyle), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		r.mismatchPlot(), r.heatmaps(), r.latencyBars(), r.sections(),
		[]list{{"Notes", r.Notes}, {"Method", r.Method.Text}, {"First records that could not be read", append(r.Counts.Run.FirstBad, r.Counts.Bad.First...)}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}
