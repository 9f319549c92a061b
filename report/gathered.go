package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
)

// Gathered are the recorded requests and the lines of logs of an evidence folder.
type Gathered struct {
	Samples []record.Samples
	Logs    []record.Log
}

// GatheredOf reads them from a folder; none where nothing was gathered.
func GatheredOf(f audit.Folder, inc record.Incident) (g Gathered, err error) {
	if g.Samples, err = partsNamed[record.Samples](f, inc, record.SamplesName); err != nil {
		return Gathered{}, err
	}
	g.Logs, err = partsNamed[record.Log](f, inc, record.LogName)
	return g, err
}

func partsNamed[T any](f audit.Folder, inc record.Incident, name string) (all []T, err error) {
	found, err := f.ReadAll(inc, name)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		var one T
		if err := json.Unmarshal(p.Text, &one); err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", name, p.Stage, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// tryingAgain says that what is lacking may still come.
func tryingAgain(inc record.Incident) string {
	if inc.EvidenceAt.IsZero() {
		return "; it is asked for again"
	}
	return ""
}

// maxSampleRows is how many requests, and how many lines, of all sources a page shows.
const maxSampleRows = 30

// samplesSection are the recorded requests, the harmful ones of each source first.
func samplesSection(all []record.Samples) section {
	s := section{Title: "Samples", Table: &table{Head: []string{"Why", "Version", "Time (UTC)", "Request", "Answer", "Id"}}}
	for _, from := range all {
		s.Items = append(s.Items, visible(fmt.Sprintf("%s: %d harmful of %s, from %s to %s%s", from.Source, from.Harm,
			plural(from.Read, "request", "requests"), clock(from.From), clock(from.To), less(from.Collected)), maxCell))
		for _, text := range from.Requests {
			var one record.SampledRequest
			if json.Unmarshal(text, &one) != nil { // what a team lets be kept may be anything
				one.Why = []string{"not readable"}
			}
			s.Table.sample(one)
		}
	}
	return s
}

func (t *table) sample(one record.SampledRequest) {
	if len(t.Rows) >= maxSampleRows {
		t.More++
		return
	}
	at, answer := "", "none"
	if !one.TS.IsZero() {
		at = one.TS.UTC().Format("15:04:05.000")
	}
	if r := one.Response; r != nil {
		answer = strings.TrimSpace(cmp.Or(r.Error, fmt.Sprint(r.Status)))
		if r.LatencyMS > 0 {
			answer += fmt.Sprintf(", %s ms", runbook.Figure(r.LatencyMS))
		}
	}
	why := strings.Join(one.Why, ", ")
	if one.Flag != "" {
		why += ": " + one.Flag
	}
	t.row(why, one.Version, at, one.Request.Method+" "+one.Request.Path, answer, one.ID)
}

// less says why there is more than what was read.
func less(a record.Collected) string {
	text := ""
	if a.Bad > 0 {
		text += fmt.Sprintf("; %s could not be read", plural(a.Bad, "record", "records"))
	}
	if len(a.Part) > 0 {
		text += "; " + strings.Join(a.Part, "; ")
	}
	return text
}

// logSection are the lines of logs of errors, or the others where there are none, in the order of their time.
func logSection(all []record.Log) section {
	s := section{Title: "Logs", Table: &table{Head: []string{"Time (UTC)", "Source", "Line"}}}
	for _, from := range all {
		s.Items = append(s.Items, visible(fmt.Sprintf("%s: %d of errors of %s, from %s to %s%s", from.Source, from.Harm,
			plural(from.Read, "line", "lines"), clock(from.From), clock(from.To), less(from.Collected)), maxCell))
		others := !slices.ContainsFunc(from.Lines, func(l record.LogLine) bool { return l.Error })
		for _, line := range from.Lines {
			if !line.Error && !others {
				continue
			}
			if len(s.Table.Rows) >= maxSampleRows {
				s.Table.More++
				continue
			}
			at := ""
			if !line.TS.IsZero() {
				at = line.TS.UTC().Format("15:04:05.000")
			}
			s.Table.row(at, from.Source, string(secret.Redact([]byte(line.Text))))
		}
	}
	return s
}
