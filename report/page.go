// Package report tells people and other programs what happened: the
// incident page, signed approval links, and messages out.
//
// It never decides, never moves traffic, never reads the store, and never takes an
// address to call from a request or an alert: only from configuration.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// IncidentPath is where the page of an incident lives below the external URL: the
// incident's id is the rest of the path.
const IncidentPath = "/incidents/"

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
	Regions []record.RegionStand
	// Evidence are the captured stages of the evidence folder.
	Evidence []audit.Stage
	// Curves are the levels over time that [Charts] draws.
	Curves []record.Curve
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
	Title, Status, Mood string // Mood: "good", "bad", "warn" or "open"
	Lede                string
	Made                string
	Since               string // from when times count
	Picture             picture
	Choices             []string
	Facts               []fact
	Values              []fact
	Reasons             []string
	Change              *change
	Checks              table
	Regions             table
	Sides               table
	Verdicts            []verdict
	Timeline            table
	Sources             table
	Queries             []query
	MoreQueries         int
	Evidence            []fact
	FollowUp            followUp
	Links               []link
}

type fact struct{ Name, Value string }

type link struct{ Text, URL string }

type table struct {
	Head []string
	Rows [][]string
	More int
}

type change struct {
	From, To, Digest string
	Keys             table
}

type verdict struct {
	Name, Outcome, Mood, Reason, When string
	Answers                           table
}

type query struct {
	Name, Expr, At, Answer, URL string
	Language                    string // of Expr: promql, or text
}

type followUp struct {
	Owner, Due, Tracker string
	Actions             []string
}

func newPage(inc record.Incident, rb *runbook.Runbook, o Options) page {
	if rb == nil {
		rb = &runbook.Runbook{Service: inc.Service}
	}
	status, mood := standing(inc)
	p := page{
		Title:  visible(fmt.Sprintf("%s: %s", place(inc), heading(inc)), maxCell),
		Status: status, Mood: mood,
		Lede:     visible(lede(inc), maxCell),
		Since:    "Times since " + originName(inc) + ".",
		Picture:  newPicture(inc, o.Now),
		Choices:  pageChoices(inc, o),
		Facts:    facts(inc, rb, o),
		Values:   values(inc, rb),
		Reasons:  each(inc.Decision.Reasons),
		Change:   newChange(inc),
		Checks:   checks(inc, rb),
		Regions:  regionTable(o.Regions),
		Sides:    sides(inc),
		Verdicts: verdicts(inc),
		Timeline: timeline(inc),
		Sources:  sources(inc),
		Evidence: evidenceFacts(inc, rb, o),
		FollowUp: draft(inc, rb),
		Links:    links(inc, rb, o),
	}
	p.Queries, p.MoreQueries = queries(inc, o)
	if !o.Now.IsZero() {
		p.Made = clock(o.Now)
	}
	return p
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

// standing is the state in one phrase, and how it feels.
func standing(inc record.Incident) (status, mood string) {
	if v := inc.Verdict; v != nil {
		mood := map[record.Outcome]string{record.Recovered: "good", record.NotRecovered: "bad"}[v.Outcome]
		return outcome(v.Outcome), cmp.Or(mood, "warn")
	}
	switch inc.Phase {
	case record.Unconfirmed:
		return "unconfirmed", "warn"
	case record.Awaiting:
		return "waiting for a human", "warn"
	case record.HeldPhase:
		return "held", "warn"
	case record.Frozen:
		return "promotion frozen", "warn"
	case record.Acted:
		return "traffic moved, draining", "open"
	case record.Verifying:
		return "traffic moved, proving recovery", "open"
	case record.Done, record.Settled:
		return "closed without a verdict", "open"
	}
	return visible(string(inc.Phase), 40), "open"
}

// lede says in a sentence or two what happened, for somebody who reads nothing else.
func lede(inc record.Incident) string {
	from, to := cmp.Or(inc.Candidate.Version, "the candidate"), cmp.Or(inc.Stable.Version, "the stable version")
	did := "No traffic was moved by autorollback."
	if !inc.ActedAt.IsZero() {
		did = fmt.Sprintf("All traffic was moved from %s to %s %s, %s.",
			from, to, inc.Change.How(), afterOrigin(inc, inc.ActedAt))
	}
	did += elsewhere(inc)
	if names := behind(inc); names != "" {
		did += " " + upper(endSentence(names))
	}
	if inc.Verdict != nil {
		return did + " " + upper(endSentence(inc.Verdict.Reason))
	}
	switch inc.Phase {
	case record.Unconfirmed:
		if inc.Breach.Unjudged() {
			return "Alert received, but its significance is not known yet. " + did
		}
		return "Alert received, but Prometheus is unreachable, so it is not confirmed. " + did
	case record.Awaiting:
		return fmt.Sprintf("Waiting for approval to roll back %s to %s. %s", from, to, did)
	case record.HeldPhase:
		if inc.Decision.Guard == record.ApprovalExpired {
			return "Nobody answered in time. " + did
		}
		return "A guard stopped the automation. " + did
	case record.Frozen:
		return "Promotion of " + from + " is stopped. " + did
	case record.Acted:
		return did + " Not yet confirmed that " + from + " has stopped receiving traffic."
	case record.Verifying:
		return did + " Checking recovery" + verdictBy(inc) + "."
	}
	return did
}

func endSentence(text string) string {
	if text = strings.TrimRight(text, ". "); text == "" {
		return ""
	}
	return text + "."
}

// needsHuman reports whether somebody must do something now.
func needsHuman(inc record.Incident) bool {
	if len(inc.Applied.Late()) > 0 {
		return true
	}
	if inc.Verdict != nil {
		return inc.Verdict.Outcome != record.Recovered
	}
	return slices.Contains([]record.Phase{record.Unconfirmed, record.Awaiting, record.HeldPhase, record.Frozen}, inc.Phase)
}

func pageChoices(inc record.Incident, o Options) []string {
	if !needsHuman(inc) {
		return nil
	}
	out := each(inc.Decision.Choices)
	if names := behind(inc); names != "" {
		out = append(out, visible(upper(names)+". Restart them, or take them out of service", maxCell))
	}
	if inc.Verdict != nil && inc.Verdict.Outcome != record.Recovered {
		return append(out, upper(verdictChoice(inc.Verdict.Outcome)))
	}
	if inc.Phase == record.Awaiting && inc.Approval != "" {
		until := ""
		if o.Approval != nil {
			until = ", before " + clock(o.Approval.ExpiresAt)
		}
		out = append(out, visible("Approve or reject with the link in the message, or: autorollback approve "+inc.Approval+" --service "+inc.Service+until, maxCell))
	}
	if len(out) == 0 {
		out = append(out, "Look at the service, and decide by hand.")
	}
	return out
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
