package shadow

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

type list struct {
	Title string
	Lines []string
}

// A page is a report with what its pages show of it.
type page struct{ *Report }

// HTML returns the report as one file with its pictures: inline style, no script,
// nothing fetched. Whatever comes from recordings or answers is escaped.
func HTML(report *Report) ([]byte, error) {
	r := page{report}
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	sum := sha256.Sum256([]byte(pageStyle))
	var out bytes.Buffer
	err = tmpl.Execute(&out, struct {
		Report   *Report
		Style    template.CSS
		Policy   string
		Mismatch *plot
		Heats    []heat
		Lags     []lag
		Sections []section
		Lists    []list
	}{
		report, template.CSS(pageStyle), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		r.mismatchPlot(), r.heats(), r.lags(), r.sections(),
		[]list{{"Notes", r.Notes}, {"Method", r.Method.Text}, {"First records that could not be read", append(r.Counts.Run.FirstBad, r.Counts.Bad.First...)}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}
