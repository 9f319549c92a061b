// Package report says what happened: the incident page, signed approval links, and the
// wording of messages, which report/notify carries.
//
// It never decides, never moves traffic, never reads the store, and never calls anybody.
package report

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// IncidentPath is where the page of an incident lives below the external URL: the
// incident's id is the rest of the path.
const IncidentPath = "/incidents/"

// ChartsAnchor is the fragment of every incident's page at which its charts begin, or what says why there
// are none.
const ChartsAnchor = "#charts"

// Options are what a page shows beyond the incident itself. The zero value is fine.
type Options struct {
	// Now is the moment the page is made; it ends the picture of an open incident.
	Now time.Time
	// External is the daemon's own address and Prometheus that of Prometheus as a
	// browser reaches it, both from configuration; empty: no links.
	External   string
	Prometheus string
	// Approval is the incident's newest approval, if there is one.
	Approval *record.Approval
	// Regions are how the service stands in each of its regions, this one too; none: it has one.
	Regions []view.RegionStand
	// Replica names the one that makes the page, where evidence is missing.
	Replica string
	// Evidence are the captured stages of the evidence folder, as far as it is here.
	Evidence []audit.Stage
	// Gathered are the recorded requests and log lines of the evidence folder, as far as they are here.
	Gathered Gathered
	// Curves are the levels over time that [Charts] draws.
	Curves []record.Curve
	// CurvesProblem says why there are none, or why some are missing; empty: all are here.
	CurvesProblem string
}

// The most a page shows of each list; what is left out is counted.
const (
	maxRows    = 200
	maxQueries = 40
	maxCell    = 600
	maxAnswer  = 2000
)

// page is what both renderers show, in order. Every string in it is [visible]; none
// is escaped yet.
type page struct {
	Title, Badge, Mood string // Mood: "good", "bad", "warn" or "open"
	Headline, Lede     string
	Now                []string
	Calm               bool // there is nothing to do now
	Tiles              []tile

	Charts      []drawing
	Missing     string // what is not here, and where it is
	ImpactTitle string
	Impact      []fact
	Sections    []section // folded
	Made        string
}

// A section is one part of the page. What it does not have is not shown.
type section struct {
	Title  string
	Text   string
	Facts  []fact
	Items  []string
	Boxes  bool // the items are to be ticked
	Table  *table
	Small  string
	Links  []link
	Blocks []query
}

type fact struct{ Name, Value string }

type link struct{ Text, URL string }

type table struct {
	Head []string
	Rows [][]string
	More int
}

type query struct {
	Name, Expr, At, Answer, URL string
	Language                    string // of Expr: promql, or text
}

func newPage(inc record.Incident, rb *runbook.Runbook, o Options) page {
	if rb == nil {
		rb = &runbook.Runbook{Service: inc.Service}
	}
	badge, mood := standing(inc)
	now := DoNow(inc, rb, o)
	p := page{
		Title: visible(fmt.Sprintf("%s: %s", place(inc), heading(inc)), maxCell),
		Badge: badge, Mood: mood,
		Headline: Headline(inc, rb), Lede: visible(lede(inc), maxCell),
		Now: each(now), Calm: calm(now),
		Tiles: tiles(inc), Charts: drawings(inc, o), Missing: visible(missing(inc, o), maxCell),
		Sections: sections(inc, rb, o),
	}
	p.ImpactTitle, p.Impact = impact(inc)
	if !o.Now.IsZero() {
		p.Made = clock(o.Now)
	}
	return p
}

// A drawing is a chart with what it shows in words.
type drawing struct {
	Title string
	SVG   template.HTML
	Words string
}

func drawings(inc record.Incident, o Options) (all []drawing) {
	for _, c := range Charts(inc, o.Curves) {
		all = append(all, drawing{visible(c.Title, maxCell), c.SVG(), visible(c.Words(), maxAnswer)})
	}
	return all
}

func place(inc record.Incident) string {
	if inc.Region == "" || inc.Region == runbook.DefaultRegion {
		return inc.Service
	}
	return inc.Service + " in " + inc.Region
}

func heading(inc record.Incident) string {
	name := inc.Breach.Trigger
	switch {
	case name == "" && inc.By != "":
		name = "rollback by hand"
	case name == "":
		name = "incident"
	}
	return name
}

// standing is the state in a few words, and how it feels.
func standing(inc record.Incident) (badge, mood string) {
	s := situationOf(inc)
	return s.badge, s.mood
}

// lede is what the headline leaves out: the reason, and where the rollback has not come to.
func lede(inc record.Incident) string {
	why := ""
	if len(inc.Decision.Reasons) > 0 {
		why = inc.Decision.Reasons[0]
	}
	if v := inc.Verdict; v != nil {
		why = v.Reason
	}
	if verdictIs(record.Recovered)(inc) { // every answer, which stands under Verdict
		why = ""
	}
	if strings.Contains(situationOf(inc).headline(told{inc: inc}), strings.TrimRight(why, ". ")) {
		why = ""
	}
	return joinedBy(" ", upper(endSentence(why)), strings.TrimSpace(elsewhere(inc)), upper(endSentence(behind(inc))))
}

func endSentence(text string) string {
	if text = strings.TrimRight(text, ". "); text == "" {
		return ""
	}
	return text + "."
}

func each(texts []string) []string {
	var out []string
	for _, t := range texts[:min(len(texts), maxRows)] {
		out = append(out, upper(visible(t, maxCell)))
	}
	return out
}

// add appends a fact unless it has nothing to say.
func add(facts []fact, name, value string) []fact {
	if value = visible(value, maxCell); value == "" {
		return facts
	}
	return append(facts, fact{name, value})
}

// row appends a row of visible cells, or counts it once the table is full.
func (t *table) row(cells ...string) {
	if len(t.Rows) >= maxRows {
		t.More++
		return
	}
	for i := range cells {
		cells[i] = visible(cells[i], maxCell)
	}
	t.Rows = append(t.Rows, cells)
}
