package quality

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A Report is the table for programs.
type Report struct {
	Good      map[string]Score            `json:"good"` // by judge
	Bad       map[string]Score            `json:"bad"`
	Scenarios map[string]map[string]Score `json:"scenarios"` // by scenario and judge
	Outcomes  []Outcome                   `json:"outcomes"`
}

// Summary counts the outcomes up.
func Summary(outcomes []Outcome) Report {
	t := Table{outcomes}
	r := Report{Good: map[string]Score{}, Bad: map[string]Score{}, Scenarios: map[string]map[string]Score{}, Outcomes: outcomes}
	for _, judge := range slices.Concat([]string{Ours}, others, ablated) {
		for _, bad := range []bool{false, true} {
			names := t.kind(bad)
			s := ScoreOf(judge, t.of(names...))
			if s.Traces == 0 {
				continue
			}
			if bad {
				r.Bad[judge] = s
			} else {
				r.Good[judge] = s
			}
			for _, name := range names {
				if r.Scenarios[name] == nil {
					r.Scenarios[name] = map[string]Score{}
				}
				r.Scenarios[name][judge] = ScoreOf(judge, t.of(name))
			}
		}
	}
	return r
}

// Export writes the plan's traces as CSV, with the truth beside them.
func Export(dir string, p Plan) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export traces: %w", err)
	}
	truth := "file,kind,onset,scenario\n"
	for _, s := range p.Scenarios {
		for i := range p.Seeds {
			seed := p.First + uint64(i)
			name := fmt.Sprintf("%s-%d.csv", s.Name, seed)
			t, err := export(filepath.Join(dir, name), p, s, seed)
			if err != nil {
				return fmt.Errorf("export traces: %w", err)
			}
			onset := ""
			if t.Bad {
				onset = fmt.Sprintf("%.3f", t.Onset.Seconds())
			}
			truth += fmt.Sprintf("%s,%s,%s,%s\n", name, s.Kind, onset, s.Name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, truthFile), []byte(truth), 0o644); err != nil {
		return fmt.Errorf("export traces: %w", err)
	}
	return nil
}

func export(path string, p Plan, s Scenario, seed uint64) (Truth, error) {
	shape := GeneratedShape(p.Interval)
	length := p.Length
	if length == 0 {
		length = time.Duration(s.Hours * float64(time.Hour))
	}
	trace, truth := Generate(s, shape, seed, length)
	f, err := os.Create(path)
	if err != nil {
		return truth, err
	}
	w := bufio.NewWriter(f)
	err = WriteCSV(w, trace, shape)
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return truth, err
}
