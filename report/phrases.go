package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The sentences messages are made of. Whatever came from outside passes [plain].

func word(text string) string {
	if text == "" {
		return "(unnamed)"
	}
	return plain(text, 80)
}

func sentence(text string) string {
	text = plain(text, 300)
	if last, _ := utf8.DecodeLastRuneInString(text); text == "" || strings.ContainsRune(".!?…", last) {
		return text
	}
	return text + "."
}

// mostSubject leaves room in a title for what happened.
const mostSubject = 32

func subject(inc record.Incident) string {
	if inc.Region == "" || inc.Region == runbook.DefaultRegion {
		return plain(inc.Service, mostSubject)
	}
	return plain(inc.Service, mostSubject) + " (" + plain(inc.Region, mostSubject/2) + ")"
}

// what says the breach: "P95 latency +34 % against … (limit +30 % over
// 5 m), 12,000 : 1 against chance."
func what(inc record.Incident, rb *runbook.Runbook) string {
	if inc.Breach.Trigger == "" {
		if inc.By != "" {
			return word(inc.By) + " asked for it."
		}
		return ""
	}
	t := trigger(inc, rb)
	text := plain(effect(inc.Breach, t), 200)
	if limit := threshold(t); limit != "" {
		text += " (limit " + limit + ")"
	}
	if o := odds(inc.Breach.Significance.LogE); o != "" {
		text += ", " + o
	}
	return upper(text) + "."
}

// short says the breach in a title: "P95 latency 34.2 % above v1 (limit 30 %)".
func short(inc record.Incident, rb *runbook.Runbook) string {
	t := trigger(inc, rb)
	switch {
	case inc.Breach.Trigger == "":
		return "ordered by " + word(inc.By)
	case inc.Breach.State != record.Breaching, t.Type == "":
		return word(inc.Breach.Trigger) + " breached"
	}
	effect, limit := t.ReadingAgainst(word(cmp.Or(inc.Stable.Version, "stable")), inc.Breach.Value)
	text := plain(effect, maxTitle)
	if limit != "" {
		text += " (limit " + limit + ")"
	}
	return text
}

// since is how long after harm began, or the alert, a moment is; empty where nothing fired.
func since(inc record.Incident, at time.Time) string {
	if at.IsZero() || noticed(inc).at.IsZero() {
		return ""
	}
	return afterOrigin(inc, at)
}

// comma appends a part of a sentence, if there is one.
func comma(part string) string {
	if part == "" {
		return ""
	}
	return ", " + part
}

func why(inc record.Incident) string {
	if len(inc.Decision.Reasons) == 0 {
		return ""
	}
	return "Why: " + sentence(inc.Decision.Reasons[0])
}

func problem(inc record.Incident) string {
	if inc.Breach.Problem == "" {
		return ""
	}
	return "Prometheus: " + sentence(inc.Breach.Problem)
}

func moved(inc record.Incident) string {
	if inc.Change == nil {
		return fmt.Sprintf("all traffic from %s to %s", word(inc.Candidate.Version), word(inc.Stable.Version))
	}
	return plain(inc.Change.From.String()+" → "+inc.Change.To.String(), 300)
}

func todo(text string) string { return "Do now: " + text }

func choices(inc record.Incident, otherwise string) string {
	if len(inc.Decision.Choices) == 0 {
		return otherwise
	}
	var out []string
	for _, c := range inc.Decision.Choices {
		out = append(out, strings.TrimRight(plain(c, 300), ". "))
	}
	return strings.Join(out, "; or ") + "."
}

// doNow is what is to be done as the incident stands, as the page says it. Whom to call is a line of its own.
func doNow(inc record.Incident, rb *runbook.Runbook) string {
	var out []string
	for _, item := range DoNow(inc, rb, Options{}) {
		if !strings.HasPrefix(item, "call ") {
			out = append(out, strings.TrimRight(plain(item, 300), ". "))
		}
	}
	return strings.Join(out, "; ") + "."
}

func owner(rb *runbook.Runbook) string {
	if rb == nil || rb.Owner.Team == "" {
		return ""
	}
	text := "Owner: " + rb.Owner.Team
	if rb.Owner.Contact != "" {
		text += ", " + rb.Owner.Contact
	}
	if rb.Owner.Escalation != "" {
		text += "; then " + rb.Owner.Escalation
	}
	return text
}

func onExpiry(rb *runbook.Runbook) string {
	if rb != nil && rb.Policy.OnExpiry == "rollback" {
		return "Without an answer it is rolled back."
	}
	return "Without an answer nothing is moved, and you are paged again."
}

func verdictBy(inc record.Incident) string {
	if inc.Deadline.IsZero() {
		return ""
	}
	return "; verdict by " + clock(inc.Deadline)
}

func verb(a record.Action) string {
	switch a {
	case record.RollBack:
		return "roll back"
	case record.Ask:
		return "ask a human"
	case record.Freeze:
		return "freeze promotion"
	case record.Hold:
		return "hold"
	}
	return word(string(a))
}

func outcome(o record.Outcome) string {
	switch o {
	case record.Recovered:
		return "recovered"
	case record.NotRecovered:
		return "NOT recovered"
	case record.WrongCause:
		return "the release is not the cause"
	case record.CannotTell:
		return "cannot tell whether users recovered"
	}
	return word(string(o))
}

func badAnswers(v record.Verdict) string {
	var out []string
	for _, a := range v.Answers {
		if a.Health == record.Good {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s", word(a.Question), strings.TrimRight(plain(a.Text, 200), ".")))
	}
	if len(out) == 0 {
		return ""
	}
	return cut(strings.Join(out, "; "), 900) + "."
}

func timing(inc record.Incident, v record.Verdict) string {
	zero := origin(inc)
	var out []string
	for _, m := range moments(inc)[:5] {
		if !m.at.IsZero() && !m.at.Equal(zero) {
			out = append(out, m.word+" "+offset(m.at.Sub(zero)))
		}
	}
	if !v.At.IsZero() {
		out = append(out, "verdict "+offset(v.At.Sub(zero)))
	}
	if len(out) == 0 {
		return ""
	}
	return "Since " + originName(inc) + ": " + strings.Join(out, ", ") + "."
}

// upper begins a sentence. A name stays as it is written: the program's, and what no word of English looks
// like, e.g. v2, ranker-v2 and p95.
func upper(text string) string {
	first, _, _ := strings.Cut(text, " ")
	name := strings.HasPrefix(first, "autorollback") || strings.ContainsAny(strings.TrimRight(first, ".:,;"), "0123456789-_./:")
	if text == "" || text[0] < 'a' || text[0] > 'z' || name {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
