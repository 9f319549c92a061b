package gameday

import (
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// The picture's frame, in pixels.
const (
	gameWidth, gameHeight = 960, 300
	gameLeft, gameRight   = 60, 900
	gameTop, gameBottom   = 70, 250
)

// Picture is an SVG: the candidate's share as a line, the share of requests that failed
// users as an area, and when each thing happened.
func (s Score) Picture() template.HTML {
	out := new(strings.Builder)
	end := time.Second
	for _, t := range s.Ticks {
		end = max(end, t.At)
	}
	x := func(at time.Duration) float64 { return gameLeft + (gameRight-gameLeft)*at.Seconds()/end.Seconds() }
	y := func(percent float64) float64 { return gameBottom - (gameBottom-gameTop)*percent/100 }
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"the candidate's share and the failed requests over time\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\n", gameWidth, gameHeight)
	for _, p := range []float64{0, 50, 100} {
		fmt.Fprintf(out, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f %%</text>\n", gameLeft, y(p), gameRight, y(p), gameLeft-6, y(p)+4, p)
	}
	s.failures(out, x, y)
	s.share(out, x, y)
	for n, m := range s.marks() {
		at := m.at.Sub(s.Broke)
		if m.at.IsZero() || at > end {
			continue
		}
		fmt.Fprintf(out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#555\" stroke-dasharray=\"3 3\"/>", x(at), 18+14*(n%4), x(at), gameBottom)
		anchor, beside := "start", 3.0
		if at > end*3/4 { // the label would not fit on the right
			anchor, beside = "end", -3
		}
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s %s</text>\n", x(at)+beside, 18+14*(n%4), anchor, template.HTMLEscapeString(m.name), seconds(at))
	}
	fmt.Fprintf(out, "<text x=\"%d\" y=\"%d\">blue: the candidate's share of the traffic; red: share of requests that failed users; 0 to %s after the break</text>\n</svg>\n", gameLeft, gameHeight-15, seconds(end))
	return template.HTML(out.String()) // every word in it is ours or escaped
}

type mark struct {
	name string
	at   time.Time
}

func (s Score) marks() []mark {
	all := []mark{{"broke", s.Broke}}
	if i := s.Incident; i != nil {
		all = append(all, mark{"detected", i.OpenedAt}, mark{"acted", i.ActedAt}, mark{"told", s.Notified}, mark{"drained", i.DrainedAt})
		if i.Verdict != nil {
			all = append(all, mark{string(i.Verdict.Outcome), i.Verdict.At})
		}
	}
	return all
}

func (s Score) share(out io.Writer, x func(time.Duration) float64, y func(float64) float64) {
	fmt.Fprint(out, "<polyline fill=\"none\" stroke=\"#1a56b0\" stroke-width=\"2\" points=\"")
	last := runbook.Weight(-1)
	for n, t := range s.Ticks {
		if last >= 0 && t.Share != last {
			fmt.Fprintf(out, "%.1f,%.1f ", x(t.At), y(float64(last)))
		}
		if t.Share != last || n == len(s.Ticks)-1 {
			fmt.Fprintf(out, "%.1f,%.1f ", x(t.At), y(float64(t.Share)))
		}
		last = t.Share
	}
	fmt.Fprint(out, "\"/>\n")
}

// failures draws the share of failed requests of each second.
func (s Score) failures(out io.Writer, x func(time.Duration) float64, y func(float64) float64) {
	if len(s.Ticks) == 0 {
		return
	}
	from := s.Ticks[0]
	fmt.Fprintf(out, "<polygon fill=\"#b3261e\" fill-opacity=\"0.35\" points=\"%.1f,%.1f ", x(from.At), y(0))
	for _, t := range s.Ticks {
		if t.At-from.At < time.Second || t.Sent == from.Sent {
			continue
		}
		fmt.Fprintf(out, "%.1f,%.1f ", x(t.At), y(100*float64(t.Failed-from.Failed)/float64(t.Sent-from.Sent)))
		from = t
	}
	fmt.Fprintf(out, "%.1f,%.1f\"/>\n", x(s.Ticks[len(s.Ticks)-1].At), y(0))
}
