package report

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/view"
)

// sections are what the page folds, in order. Those that are empty are left out.
func sections(inc record.Incident, rb *runbook.Runbook, o Options) []section {
	all := append(recoverySections(inc),
		section{Title: "What happened", Facts: facts(inc, rb, o)},
		section{Title: "From the write to recovery", Table: checks(inc, rb)},
		section{Title: "Values", Facts: values(inc, rb)},
		section{Title: "Why", Items: each(inc.Decision.Reasons)},
		changeSection(inc),
		section{Title: "Regions", Table: regionTable(o.Regions)},
		section{Title: "Versions", Table: sides(inc)},
		section{Title: "Timeline", Table: timeline(inc)},
		section{Title: "Sources", Table: sources(inc)},
		samplesSection(o.Gathered.Samples),
		logSection(o.Gathered.Logs),
		section{Title: "Evidence", Facts: evidenceFacts(inc, rb, o)},
		followUp(inc, rb),
		section{Title: "Links", Links: links(inc, rb, o)},
		queries(inc, o))
	return slices.DeleteFunc(all, section.empty)
}

func (s section) empty() bool {
	return s.Text == "" && len(s.Facts) == 0 && len(s.Items) == 0 && (s.Table == nil || len(s.Table.Rows) == 0) && len(s.Links) == 0 && len(s.Blocks) == 0
}

// facts are who, what and when.
func facts(inc record.Incident, rb *runbook.Runbook, o Options) []fact {
	var f []fact
	f = add(f, "Incident", inc.ID)
	f = add(f, "Service", place(inc))
	if inc.Release != "" {
		f = add(f, "Release", fmt.Sprintf("%s (epoch %d): %s against %s", inc.Release, inc.Epoch, inc.Candidate.Version, inc.Stable.Version))
	}
	f = add(f, "Owner", strings.TrimPrefix(owner(rb), "Owner: "))
	f = add(f, "Asked for by", inc.By)
	f = add(f, "Question to a human", answeredBy(o.Approval))
	f = add(f, "Harm began", began(inc))
	opened, closed := moment{name: "Opened", at: inc.OpenedAt}, moment{name: "Closed", at: inc.ClosedAt}
	steps := moments(inc)
	for _, m := range slices.Concat(steps[1:2], []moment{opened}, steps[2:], []moment{closed}) {
		f = addMoment(f, inc, m)
	}
	return add(f, "Not provable in time", strings.Join(inc.Unproved, ", "))
}

// addMoment appends when a step was reached, and how long that is since the origin.
func addMoment(f []fact, inc record.Incident, m moment) []fact {
	switch {
	case m.at.IsZero():
		return f
	case m.at.Equal(origin(inc)):
		return add(f, m.name, clock(m.at))
	}
	return add(f, m.name, clock(m.at)+" ("+offset(m.at.Sub(origin(inc)))+")")
}

func answeredBy(a *record.Approval) string {
	if a == nil {
		return ""
	}
	if a.By == "" {
		return cmp.Or(map[record.ApprovalStatus]string{record.Pending: "waits for an answer until " + clock(a.ExpiresAt),
			record.Expired: "nobody answered in time", record.Superseded: "taken back: something else happened first"}[a.Status], string(a.Status))
	}
	text := fmt.Sprintf("%s by %s (%s) at %s", a.Status, a.By, record.Caller{How: a.How, From: a.From}.Seen(), clock(a.DecidedAt))
	if a.How == "link_only" {
		text += "; somebody with the link, not signed in"
	}
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}

// values are the numbers the decision rests on.
func values(inc record.Incident, rb *runbook.Runbook) []fact {
	b := inc.Breach
	if b.Trigger == "" {
		return nil
	}
	t := trigger(inc, rb)
	var f []fact
	f = add(f, "Trigger", joined(b.Trigger, strings.ReplaceAll(string(t.Type), "_", " "), string(cmp.Or(b.Severity, t.Severity))))
	f = add(f, "Effect", effect(b, t))
	f = add(f, "Threshold", threshold(t))
	f = add(f, "Significance", odds(b.Significance.LogE))
	if b.State == record.Breaching || b.State == record.NotBreaching {
		f = add(f, "Candidate", fmt.Sprintf("%d pods, %s req/s", b.CandidatePods, runbook.Figure(b.CandidateRate)))
		f = add(f, "Stable", fmt.Sprintf("%d fresh pods, %s req/s%s", b.StablePods, runbook.Figure(b.StableRate), unhealthy(b)))
	}
	f = add(f, "Problem", b.Problem)
	f = add(f, "Asked", clock(b.AskedAt))
	if len(inc.Triggers) > 1 {
		f = add(f, "All triggers", strings.Join(inc.Triggers, ", "))
	}
	return f
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

func unhealthy(b record.Breach) string {
	if b.StableUnhealthy {
		return ", breaks an absolute limit as well"
	}
	return ""
}

func changeSection(inc record.Incident) section {
	if inc.Change == nil {
		return section{}
	}
	keys := &table{Head: []string{"Key", "From", "To"}}
	for _, k := range inc.Change.Keys {
		keys.row(k.Key, cmp.Or(k.From, "(none)"), cmp.Or(k.To, "(none)"))
	}
	return section{Title: "The change", Table: keys, Small: "Digest: " + visible(inc.Change.Digest, maxCell),
		Text: fmt.Sprintf("Weights: %s → %s", visible(inc.Change.From.String(), maxCell), visible(inc.Change.To.String(), maxCell))}
}

func sides(inc record.Incident) *table {
	t := &table{Head: []string{"Side", "Version", "Backend", "Bundle"}}
	t.row("candidate", inc.Candidate.Version, inc.Candidate.Backend, inc.Candidate.Bundle)
	t.row("stable", inc.Stable.Version, inc.Stable.Backend, inc.Stable.Bundle)
	return t
}

// recoverySections are what users got after the rollback, as far as it was asked.
func recoverySections(inc record.Incident) []section {
	var out []section
	zero := origin(inc)
	add := func(name, outcome, reason string, at time.Time, of []record.Answer) {
		text := fmt.Sprintf("%s at %s (%s). %s", upper(outcome), clock(at), offset(at.Sub(zero)), upper(endSentence(reason)))
		out = append(out, section{Title: name, Text: visible(text, maxCell), Table: answers(of)})
	}
	if inc.Verdict == nil && len(inc.Answers) > 0 {
		add("Recovery so far", string(cmp.Or(inc.Health, record.Unknown)), plural(inc.Polls, "good poll", "good polls")+" in a row", inc.PolledAt, inc.Answers)
	}
	if v := inc.Verdict; v != nil {
		add("Verdict", outcome(v.Outcome), v.Reason, v.At, v.Answers)
	}
	if v := inc.Business; v != nil {
		add("Business verdict", outcome(v.Outcome), v.Reason, v.At, v.Answers)
	}
	return out
}

func answers(all []record.Answer) *table {
	t := &table{Head: []string{"Question", "Answer", "Now", "Limit", "Before", "Samples", "In words"}}
	for _, a := range all {
		question := a.Question
		if a.Business {
			question += " (business)"
		}
		unit := visible(a.Unit, 20)
		now, limit, before := runbook.Quantity(a.Value, unit), runbook.Quantity(a.Limit, unit), runbook.Quantity(a.Before, unit)
		if a.Health == record.Unknown {
			now = "unknown"
		}
		t.row(question, string(a.Health), now, limit, before, runbook.Figure(a.Samples), a.Text)
	}
	return t
}

func timeline(inc record.Incident) *table {
	t := &table{Head: []string{"Since " + originName(inc), "Time (UTC)", "Step", "What", "By"}}
	records := slices.Clone(inc.Timeline)
	slices.SortStableFunc(records, func(a, b record.Record) int { return a.At.Compare(b.At) })
	zero := origin(inc)
	for _, r := range records {
		t.row(offset(r.At.Sub(zero)), r.At.UTC().Format("15:04:05.000"), r.Kind, r.Text, whoDid(r))
	}
	return t
}

// whoDid names who ordered a step, how that is known, and from where.
func whoDid(r record.Record) string {
	how := record.Caller{Name: r.By, How: r.How, From: r.From}.Seen()
	if r.By == "" || how == "" {
		return r.By
	}
	return r.By + " (" + how + ")"
}

func sources(inc record.Incident) *table {
	t := &table{Head: []string{"Source", "Trigger", "Received", "Labels"}}
	zero := origin(inc)
	received := map[record.Source]bool{}
	for _, a := range inc.Alerts {
		received[a.Source] = true
		at := ""
		if !a.ReceivedAt.IsZero() {
			at = offset(a.ReceivedAt.Sub(zero))
		}
		t.row(sourceName(inc, a.Source), a.Trigger, at, pairs(a.Labels))
	}
	for _, l := range inc.Sources {
		if !received[l] {
			t.row(sourceName(inc, l), "", "", "")
		}
	}
	return t
}

func sourceName(inc record.Incident, l record.Source) string {
	if l == inc.Source {
		return string(l) + " (first)"
	}
	return string(l)
}

func pairs(labels map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := labels[name]
		if secret.Names(name) {
			value = secret.Redacted
		}
		out = append(out, name+"="+value)
	}
	return strings.Join(out, ", ")
}

func queries(inc record.Incident, o Options) section {
	s := section{Title: "Queries"}
	all := slices.Clone(inc.Breach.Queries)
	for _, v := range []*record.Verdict{inc.Verdict, inc.Business} {
		if v == nil {
			continue
		}
		for _, a := range v.Answers {
			if a.Query.Expr != "" {
				q := a.Query
				q.Name = cmp.Or(q.Name, a.Question)
				all = append(all, q)
			}
		}
	}
	for _, q := range all[:min(len(all), maxQueries)] {
		language, u := "promql", graph(o.Prometheus, q.Expr)
		if q.Kind != "" { // put to something else, which no link asks again
			language, u = "text", ""
		}
		s.Blocks = append(s.Blocks, query{
			Name: visible(cmp.Or(q.Name, "query"), 120), Expr: visibleLines(q.Expr, maxAnswer), At: clock(q.At),
			Answer: visibleLines(string(secret.Redact([]byte(q.Answer))), maxAnswer), URL: u, Language: language,
		})
	}
	if more := len(all) - len(s.Blocks); more > 0 {
		s.Small = plural(more, "more is", "more are") + " in the evidence folder."
	}
	return s
}

func graph(prometheus, expr string) string {
	base := webAddress(prometheus)
	if base == "" || expr == "" {
		return ""
	}
	return base + "/graph?" + url.Values{"g0.expr": {expr}, "g0.tab": {"0"}}.Encode()
}

func links(inc record.Incident, rb *runbook.Runbook, o Options) []link {
	var out []link
	if base := webAddress(o.External); base != "" {
		out = append(out, link{"this incident, live", base + IncidentPath + url.PathEscape(inc.ID)},
			link{"why it was decided so", base + "/why/" + url.PathEscape(inc.ID)})
	}
	promql := func(q record.Query) bool { return q.Kind == "" }
	if n := slices.IndexFunc(inc.Breach.Queries, promql); n >= 0 {
		if u := graph(o.Prometheus, inc.Breach.Queries[n].Expr); u != "" {
			out = append(out, link{"the breach in Prometheus", u})
		}
	}
	if u := webAddress(rb.FollowUp.Tracker); u != "" {
		out = append(out, link{"tracker", u})
	}
	return out
}

// webAddress returns an http or https address, normalised, or "". Only addresses from
// configuration and the runbook come here: none from an alert.
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.TrimRight(u.String(), "/")
}

// regionTable is how the service stands in its regions, side by side.
func regionTable(all []view.RegionStand) *table {
	t := &table{Head: []string{"Region", "State", "Candidate", "Share", "Incident", "Verdict", "What"}}
	for _, s := range all {
		state, what := strings.ReplaceAll(s.State, "_", " "), s.Text
		if s.Lost != "" {
			state, what = state+", as last known", strings.TrimSuffix("its store "+s.Lost+"; "+what, "; ")
		}
		row := []string{s.Region, state, cmp.Or(s.Version, "–"), s.Weight.String() + " %", cmp.Or(s.Incident, "–"), cmp.Or(strings.ReplaceAll(s.Verdict, "_", " "), "–"), what}
		for n := range row {
			row[n] = visible(row[n], maxCell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// elsewhere says in which regions the candidate still was when that was last seen.
func elsewhere(inc record.Incident) string {
	text := ""
	for _, g := range inc.Stragglers {
		if g.DoneAt.IsZero() {
			text += fmt.Sprintf(" Partial: not in region %s (%s).", g.Region, strings.TrimSuffix(g.Why, "."))
		}
	}
	return text
}
