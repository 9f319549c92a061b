package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// StyleHash returns the source expression, 'sha256-…' with its quotes, that a
// Content-Security-Policy needs in style-src to allow the page's inline style, and
// nothing else.
func StyleHash() string { return styleHash(pageStyle) }

func styleHash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// PagePolicy returns the Content-Security-Policy of a page that needs nothing but its own
// inline style.
func PagePolicy(style string) string { return "default-src 'none'; style-src " + styleHash(style) }

// HTML returns the incident's page as one file: inline style, no script, nothing
// fetched. rb may be nil.
func HTML(inc record.Incident, rb *runbook.Runbook, opts Options) []byte {
	tmpl := template.Must(template.New("page").Parse(pageTemplate))
	var out bytes.Buffer
	err := tmpl.Execute(&out, struct {
		page
		Style  template.CSS
		Policy string
		Width  int
	}{newPage(inc, rb, opts), template.CSS(pageStyle), PagePolicy(pageStyle), pictureWidth})
	if err != nil {
		// The template is ours and every field of it exists: a test renders them all.
		return fmt.Appendf(nil, "<!doctype html><title>incident</title><p>The page could not be made: %s", template.HTMLEscapeString(err.Error()))
	}
	return out.Bytes()
}

// The picture's measures, in its own units.
const (
	pictureWidth = 760
	axisFrom     = 24
	axisTo       = pictureWidth - 24
)

// A picture is a small timeline: a line true to scale on top, and under it the
// stations evenly spaced, so that labels never collide.
type picture struct {
	Stations []station
	Open     bool // the axis goes on to now
	Last     int  // x of the last event
	Text     string
}

type station struct {
	Name, Offset string
	Reached      bool
	Mood         string
	X, LabelX    int
}

func newPicture(inc record.Incident, now time.Time) picture {
	zero := origin(inc)
	steps, end := moments(inc), zero
	for _, s := range steps {
		if s.at.After(end) {
			end = s.at
		}
	}
	p := picture{Open: inc.ClosedAt.IsZero() && inc.Verdict == nil && now.After(end)}
	last := end
	if p.Open {
		end = now
	}
	p.Last = scale(last.Sub(zero), end.Sub(zero))
	for i, s := range steps {
		st := station{Name: s.word, LabelX: 70 + i*124, Reached: !s.at.IsZero(), Offset: "–"}
		if st.Reached {
			st.X, st.Offset = scale(s.at.Sub(zero), end.Sub(zero)), offset(s.at.Sub(zero))
		}
		if inc.Verdict != nil && i == len(steps)-1 {
			_, st.Mood = standing(inc)
		}
		p.Stations = append(p.Stations, st)
		p.Text += s.word + " " + st.Offset + "; "
	}
	return p
}

func scale(at, whole time.Duration) int {
	if whole <= 0 {
		return axisFrom
	}
	x := axisFrom + int(float64(axisTo-axisFrom)*float64(at)/float64(whole)+0.5)
	return min(max(x, axisFrom), axisTo)
}
