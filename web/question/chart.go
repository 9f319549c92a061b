package question

import (
	"html/template"
	"slices"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// Chart draws the level that the question is about against its limit: that of the incident's trigger,
// or of the first trigger before the next step. It is empty where nothing of it is known.
func (q Question) Chart() template.HTML {
	var charts []chart.Chart
	if q.Promotion() {
		charts = report.ReleaseCharts(q.Live.Release, q.Live.Curves)
	} else if i := slices.IndexFunc(q.Live.Curves, q.isAbout); i >= 0 {
		charts = report.Charts(q.Incident, q.Live.Curves[i:i+1])
	}
	if i := slices.IndexFunc(charts, drawn); i >= 0 {
		return small(charts[i]).SVG()
	}
	return ""
}

func (q Question) isAbout(c record.Curve) bool {
	return c.Kind == record.OfTrigger && c.Name == q.Incident.Breach.Trigger
}

func drawn(c chart.Chart) bool {
	for _, p := range c.Panels {
		for _, l := range p.Lines {
			if len(l.Points) > 1 {
				return true
			}
		}
	}
	return false
}

// mostMarks is how many marks fit: since when there is harm, and the alert.
const mostMarks = 2

// small is a chart that leaves room for the rest of the first screen: its level alone, and once
// said what that is.
func small(c chart.Chart) chart.Chart {
	level := c.Panels[0]
	c.Title, level.Name = level.Name, ""
	c.Panels, c.Marks = []chart.Panel{level}, c.Marks[:min(mostMarks, len(c.Marks))]
	return c
}
