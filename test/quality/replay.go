package quality

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// truthFile says what is known about the traces of a folder.
const truthFile = "truth.csv"

// A told is one line of the truth file.
type told struct {
	scenario   string
	kind       string // good, bad, or empty: not known
	onset      time.Duration
	increments bool
}

// Replay judges every CSV file of a folder but the truth file. Without that, or for
// files it does not name, the truth is unknown: the outcome counts as neither.
func Replay(dir string, interval time.Duration, ablations bool) ([]Outcome, error) {
	truths, err := readTruth(filepath.Join(dir, truthFile))
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return nil, fmt.Errorf("list traces: %w", err)
	}
	var out []Outcome
	for _, file := range files {
		if filepath.Base(file) == truthFile {
			continue
		}
		o, err := replay(file, truths[filepath.Base(file)], interval, ablations)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("replay %s: no traces there: *.csv", dir)
	}
	slices.SortStableFunc(out, func(a, b Outcome) int { return cmp.Compare(a.Scenario, b.Scenario) })
	return out, nil
}

func open(file string, t told, interval time.Duration) (*Recording, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	defer f.Close()
	return ReadCSV(file, f, interval, t.increments)
}

func replay(file string, t told, interval time.Duration, ablations bool) (Outcome, error) {
	rec, err := open(file, t, interval)
	if err != nil {
		return Outcome{}, err
	}
	judges, err := Judges(Runbook(rec.Shape), rec.Shape, ablations)
	if err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", file, err)
	}
	o := Outcome{Scenario: strings.TrimSuffix(filepath.Base(file), ".csv"), File: file, Kind: t.kind, Truth: Truth{Bad: t.kind == kindBad}}
	if o.Truth.Bad {
		o.Truth.Onset = t.onset - rec.Start
	}
	if t.scenario != "" {
		o.Scenario = t.scenario
	}
	o.By = Decide(rec, rec.Shape, judges)
	o.Length = rec.now
	return o, nil
}

// readTruth reads lines of file, kind, onset, scenario, counts. A missing file is no
// error.
func readTruth(file string) (map[string]told, error) {
	out := map[string]told{}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open truth: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment, r.TrimLeadingSpace = '#', true
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("%s: %w", file, errors.Join(err, errors.New("file, kind and onset are wanted")))
	}
	place := map[string]int{"file": -1, "kind": -1, "onset": -1, "scenario": -1, "counts": -1}
	for i, name := range rows[0] {
		if _, known := place[name]; !known {
			return nil, fmt.Errorf("%s:1: column %q is none of file, kind, onset, scenario, counts", file, name)
		}
		place[name] = i
	}
	if place["file"] < 0 || place["kind"] < 0 {
		return nil, fmt.Errorf("%s:1: columns file and kind are wanted", file)
	}
	for i, cells := range rows[1:] {
		cell := func(name string) string {
			if place[name] < 0 {
				return ""
			}
			return strings.TrimSpace(cells[place[name]])
		}
		t, err := tell(cell)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+2, err)
		}
		out[cell("file")] = t
	}
	return out, nil
}

func tell(cell func(string) string) (told, error) {
	t := told{scenario: cell("scenario"), kind: cell("kind")}
	switch t.kind {
	case kindGood, kindBad, "":
	case "unknown":
		t.kind = ""
	default:
		return t, fmt.Errorf("kind: %q is none of good, bad, unknown", t.kind)
	}
	switch c := cell("counts"); c {
	case "", "cumulative":
	case "increments":
		t.increments = true
	default:
		return t, fmt.Errorf("counts: %q is neither cumulative nor increments", c)
	}
	if t.kind != kindBad {
		return t, nil
	}
	var err error
	if t.onset, err = parseTime(cell("onset")); err != nil {
		return t, fmt.Errorf("onset of a bad release: %w", err)
	}
	return t, nil
}
